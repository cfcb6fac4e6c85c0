"""What makes a SinkBinding worth looking at again: its sink, and subjects that change."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.sources import SinkBinding, SinkBindingStatus
from wakeful.controller import Controller, Manager
from wakeful.reconciler.sources.parts import SourceParts
from wakeful.reconciler.sources.sinkbinding.reconciler import SinkBindingReconciler
from wakeful.reconciler.sources.subjects import FOLLOWED, Subjects, binds


def make_sinkbinding_controller(
    manager: Manager, parts: SourceParts, subjects: Subjects
) -> Controller[SinkBinding]:
    """Wire the controller to its informers."""
    bindings = manager.informer(SinkBinding)
    controller = Controller(
        "sinkbindings",
        manager.client,
        bindings,
        SinkBindingReconciler(parts, subjects),
        conditions=SinkBindingStatus.condition_set,
        recorder=manager.recorder,
    )

    def bindings_of(obj: Object) -> Iterable[NamespacedName]:
        found = bindings.list(obj.metadata.namespace)
        return [b.key for b in found if binds(b.spec.subject, b.metadata.namespace, obj)]

    for model in FOLLOWED:
        controller.watch(manager.informer(model), bindings_of)
    return controller
