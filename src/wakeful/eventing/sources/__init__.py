"""Adapters: what makes events out of time, of the API server's objects, and of webhooks.

Each is a task that :class:`AdapterHost` starts once the reconcilers of ``wakeful.reconciler``
resolved a source's sink, and ends with it. Nothing here writes status: the host says how its tasks
are doing, and the reconcilers do.
"""

from wakeful.eventing.sources.emitter import Emitter
from wakeful.eventing.sources.host import AdapterHost, Report

__all__ = ["AdapterHost", "Emitter", "Report"]
