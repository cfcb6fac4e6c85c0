"""What makes an EventType worth looking at again: itself, and what it refers to."""

from __future__ import annotations

from wakeful.apis.eventing import EVENTTYPE_CONDITIONS, EventType
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.eventtype.reconciler import EventTypeReconciler
from wakeful.reconciler.eventing.references import References


def make_controller(manager: Manager) -> Controller[EventType]:
    """Wire the controller to its informers."""
    references = References(manager)
    controller = Controller(
        "eventtypes.eventing",
        manager.client,
        manager.informer(EventType),
        EventTypeReconciler(references),
        conditions=EVENTTYPE_CONDITIONS,
        recorder=manager.recorder,
        workers=2,
    )
    references.connect(controller)
    return controller
