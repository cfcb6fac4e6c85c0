"""What makes Revisions worth counting: one more of them, one less routed to."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.serving import Configuration, Revision, register
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.gc.reconciler import GCReconciler


def make_controller(
    manager: Manager, configs: ServingConfigs, clock: Clock
) -> Controller[Configuration]:
    """Wire the controller to its informers."""
    revisions = manager.informer(Revision)
    controller = Controller(
        "garbage.serving",
        manager.client,
        manager.informer(Configuration),
        GCReconciler(manager.client, revisions, configs.gc, clock),
        workers=1,
    )
    controller.watch(revisions, _configuration_of)
    configs.gc.on_change(controller.enqueue_all)
    return controller


def _configuration_of(revision: Revision) -> Iterable[NamespacedName]:
    name = revision.metadata.labels.get(register.CONFIGURATION)
    return (NamespacedName(revision.metadata.namespace, name),) if name else ()
