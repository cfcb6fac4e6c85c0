"""What makes a ReplicaSet worth looking at again: its pods.

A lost pod is replaced at once. Everything else about pods only changes counts in a status, which
wait a moment: what else hears of the pod (the node, endpoints, a held request) goes first, and
several changes become one write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName, controller_of
from wakeful.apis.apps import ReplicaSet
from wakeful.apis.core import Pod
from wakeful.client import Change, Informer
from wakeful.controller import Controller, Manager, owner_keys
from wakeful.reconciler.apps.ownedpods import OwnedPods
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.apps.pendingpods import follow_pods
from wakeful.reconciler.apps.replicaset.reconciler import ReplicaSetReconciler

COUNT_DELAY_SECONDS = 0.02
_owners = owner_keys(ReplicaSet.gvk.kind, ReplicaSet.gvk.group)


def make_replica_set_controller(manager: Manager, clock: Clock) -> Controller[ReplicaSet]:
    """Wire the controller to its informers."""
    sets, pods = manager.informer(ReplicaSet), manager.informer(Pod)
    pending = follow_pods(sets, pods, clock)
    reconciler = ReplicaSetReconciler(
        CachedChildren(manager.client, pods),
        OwnedPods(manager.client, pending, manager.recorder),
        clock,
    )
    controller = Controller("replicasets.apps", manager.client, sets, reconciler, urgent=True)
    pods.add_handler(_on_pod(controller))
    controller.watch(pods, _adopters(sets))
    return controller


def _on_pod(controller: Controller[ReplicaSet]) -> Callable[[Change[Pod]], None]:
    def handler(change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is not None and new is not None and _facts(old) == _facts(new):
            return
        is_lost = new is None or (not new.is_active and (old is None or old.is_active))
        keys = {key for pod in (old, new) if pod is not None for key in _owners(pod)}
        for key in keys:
            if is_lost:
                controller.enqueue(key)
            else:
                controller.queue.add_after(key, COUNT_DELAY_SECONDS)

    return handler


def _facts(pod: Pod) -> tuple[object, ...]:
    """All of a pod that its replica set cares for."""
    meta = pod.metadata
    return pod.is_active, pod.is_ready, meta.labels, meta.owner_references


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
