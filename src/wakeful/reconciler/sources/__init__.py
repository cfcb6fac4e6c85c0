"""Event sources: from a spec to a resolved sink, permissions, children, and what the status says.

Not for making or sending events: ``wakeful.eventing.sources`` does, once the status has a sink.
"""

from wakeful.reconciler.sources.binding_admission import BindingAdmission
from wakeful.reconciler.sources.controllers import add_source_controllers
from wakeful.reconciler.sources.github.resources import RECEIVER, RECEIVER_PORT

__all__ = ["RECEIVER", "RECEIVER_PORT", "BindingAdmission", "add_source_controllers"]
