"""What makes a Configuration worth looking at again: itself and its Revisions."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apis.serving import CONFIGURATION_CONDITIONS, Configuration, Revision
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.configuration.reconciler import ConfigurationReconciler


def make_controller(manager: Manager, clock: Clock) -> Controller[Configuration]:
    """Wire the controller to its informers."""
    revisions = manager.informer(Revision)
    controller = Controller(
        "configurations.serving",
        manager.client,
        manager.informer(Configuration),
        ConfigurationReconciler(manager.client, revisions, manager.recorder, clock),
        conditions=CONFIGURATION_CONDITIONS,
        recorder=manager.recorder,
    )
    controller.watch_owned(revisions)
    return controller
