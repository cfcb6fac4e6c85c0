"""What makes a Service worth looking at again: itself, and both children."""

from __future__ import annotations

from wakeful.apis.serving import (
    SERVICE_CONDITIONS,
    Configuration,
    Revision,
    Route,
    Service,
)
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.service.reconciler import ServiceReconciler


def make_controller(manager: Manager) -> Controller[Service]:
    """Wire the controller to its informers."""
    configurations = manager.informer(Configuration)
    routes, revisions = manager.informer(Route), manager.informer(Revision)
    controller = Controller(
        "services.serving",
        manager.client,
        manager.informer(Service),
        ServiceReconciler(
            Children(manager.client, manager.recorder), configurations, routes, revisions
        ),
        conditions=SERVICE_CONDITIONS,
        recorder=manager.recorder,
    )
    # Children have the Service's name; one that is somebody else's matters too, once it goes.
    controller.watch(configurations, lambda child: (child.key,))
    controller.watch(routes, lambda child: (child.key,))
    return controller
