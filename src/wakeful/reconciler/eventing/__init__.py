"""Brokers, Triggers and the registry: what leads events from whoever sends to whoever wants them.

One folder for each kind, as in ``wakeful.reconciler.serving``; how to find what objects refer to
(:class:`DestinationResolver`) serves every kind that sends events. Not for carrying events:
that is ``wakeful.eventing``.
"""

from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import References, UnresolvedError

__all__ = ["DestinationResolver", "References", "UnresolvedError"]
