"""What makes a claim worth looking at again: the pods that use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import PersistentVolumeClaim, Pod
from wakeful.controller import Controller, Manager
from wakeful.reconciler.core.claims.reconciler import ClaimReconciler

_INDEX = "claim"


def make_claim_controller(
    manager: Manager, clock: Clock, directory: str
) -> Controller[PersistentVolumeClaim]:
    """Wire the controller to its informers; ``directory`` holds the volumes on the node."""
    claims, pods = manager.informer(PersistentVolumeClaim), manager.informer(Pod)
    pods.add_index(_INDEX, lambda pod: [str(key) for key in claims_of(pod)])

    def users_of(claim: PersistentVolumeClaim) -> Sequence[Pod]:
        return pods.by_index(_INDEX, str(claim.key))

    reconciler = ClaimReconciler(manager.client, users_of, manager.recorder, clock, directory)
    controller = Controller("claims", manager.client, claims, reconciler)
    controller.watch(pods, claims_of)
    return controller


def claims_of(pod: Pod) -> Iterable[NamespacedName]:
    """Keys of the claims a pod mounts, as long as it may use them."""
    if pod.is_finished:
        return []
    return [
        NamespacedName(pod.metadata.namespace, volume.persistent_volume_claim.claim_name)
        for volume in pod.spec.volumes
        if volume.persistent_volume_claim is not None
    ]
