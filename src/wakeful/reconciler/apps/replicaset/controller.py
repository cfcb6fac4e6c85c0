"""What makes a ReplicaSet worth looking at again: its pods."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName, controller_of
from wakeful.apis.apps import ReplicaSet
from wakeful.apis.core import Pod
from wakeful.client import Change, Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.apps.replicaset.pending import PendingPods
from wakeful.reconciler.apps.replicaset.reconciler import ReplicaSetReconciler


def make_replica_set_controller(manager: Manager, clock: Clock) -> Controller[ReplicaSet]:
    """Wire the controller to its informers."""
    sets, pods = manager.informer(ReplicaSet), manager.informer(Pod)
    pending = PendingPods(clock)
    pods.add_handler(pending.observe)  # before the controller's own: it counts on it

    def forget(change: Change[ReplicaSet]) -> None:
        if change.new is None:
            pending.forget(change.object.metadata.uid)

    sets.add_handler(forget)
    children = CachedChildren(manager.client, pods)
    reconciler = ReplicaSetReconciler(manager.client, children, pending, manager.recorder, clock)
    controller = Controller("replicasets.apps", manager.client, sets, reconciler)
    controller.watch_owned(pods)
    controller.watch(pods, _adopters(sets))
    return controller


def _adopters(sets: Informer[ReplicaSet]) -> Callable[[Pod], Iterable[NamespacedName]]:
    """Name the sets that may adopt a pod that has no controller."""

    def mapper(pod: Pod) -> Iterable[NamespacedName]:
        if controller_of(pod) is not None or not pod.metadata.labels:
            return ()
        return [
            found.key
            for found in sets.list(pod.metadata.namespace)
            if found.spec.selector is not None
            and found.spec.selector.to_selector().matches(pod.metadata.labels)
        ]

    return mapper
