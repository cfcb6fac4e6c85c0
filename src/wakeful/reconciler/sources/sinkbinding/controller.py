"""What makes a SinkBinding worth looking at again: its sink, and subjects that change."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from wakeful.apis.batch import Job
from wakeful.apis.core import Namespace
from wakeful.apis.serving import Configuration, Service
from wakeful.apis.sources import SinkBinding, SinkBindingStatus
from wakeful.controller import Controller, Manager
from wakeful.controller.kinds import KindIndex
from wakeful.reconciler.sources.parts import SourceParts
from wakeful.reconciler.sources.sinkbinding.injection import binds
from wakeful.reconciler.sources.sinkbinding.reconciler import SinkBindingReconciler

FOLLOWED: tuple[type[Object], ...] = (
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Job,
    Service,
    Configuration,
)
"""Kinds whose changes are heard of at once; any other kind is looked at from time to time."""


def make_sinkbinding_controller(
    manager: Manager, parts: SourceParts, kinds: KindIndex
) -> Controller[SinkBinding]:
    """Wire the controller to its informers."""
    bindings = manager.informer(SinkBinding)
    reconciler = SinkBindingReconciler(
        parts,
        manager.client.transport,
        kinds,
        manager.informer(Namespace),
        frozenset((model.gvk.group, model.gvk.kind) for model in FOLLOWED),
    )
    controller = Controller(
        "sinkbindings",
        manager.client,
        bindings,
        reconciler,
        conditions=SinkBindingStatus.condition_set,
        recorder=manager.recorder,
    )

    def bindings_of(obj: Object) -> Iterable[NamespacedName]:
        found = bindings.list(obj.metadata.namespace)
        return [binding.key for binding in found if binds(binding, obj)]

    for model in FOLLOWED:
        controller.watch(manager.informer(model), bindings_of)
    return controller
