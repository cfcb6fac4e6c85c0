"""Gives every claim a volume: a directory that the node agent makes when a pod needs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wakeful.aio import Clock
from wakeful.apimachinery.errors import AlreadyExistsError, NotFoundError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.core import PersistentVolume, PersistentVolumeClaim, Pod
from wakeful.apis.core.pod_types import HostPathVolumeSource
from wakeful.apis.core.reference_types import reference_to
from wakeful.apis.core.volumeclaim_types import PVC_PROTECTION
from wakeful.client import Client
from wakeful.controller import EventRecorder, Result

_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_PROVISIONER = "wakeful.dev/directory"
_RETRY_SECONDS = 5.0

UsersOf = Callable[[PersistentVolumeClaim], Sequence[Pod]]


class ClaimReconciler:
    """Binds claims, and holds those that pods use."""

    finalizer = PVC_PROTECTION

    def __init__(
        self,
        client: Client,
        users_of: UsersOf,
        recorder: EventRecorder,
        clock: Clock,
        directory: str,
    ) -> None:
        self._client, self._users_of = client, users_of
        self._recorder, self._clock, self._directory = recorder, clock, directory

    async def reconcile_kind(self, obj: PersistentVolumeClaim) -> Result | None:
        """Make the volume, or take the one named, and bind."""
        if obj.status.phase == "Bound":
            return None
        volume = await self._volume_of(obj)
        if volume is None:
            return Result(requeue_after=_RETRY_SECONDS)
        if volume.status.phase != "Bound":
            volume.status.phase = "Bound"
            volume.status.last_phase_transition_time = self._clock.now()
            volume = await self._client.update_status(volume)
        if obj.spec.volume_name != volume.metadata.name:
            patch = {
                "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                "spec": {"volumeName": volume.metadata.name},
            }
            meta = obj.metadata
            changed = await self._client.patch(
                PersistentVolumeClaim, meta.name, meta.namespace, patch
            )
            obj.metadata, obj.spec = changed.metadata, changed.spec
        obj.status.phase = "Bound"
        obj.status.access_modes = list(volume.spec.access_modes)
        obj.status.capacity = dict(volume.spec.capacity)
        return None

    async def finalize_kind(self, obj: PersistentVolumeClaim) -> Result | None:
        """Wait for pods that use the claim, then delete the volume made for it."""
        if self._users_of(obj):
            return Result(requeue_after=_RETRY_SECONDS)
        name = obj.spec.volume_name
        volume = await self._client.find(PersistentVolume, name) if name else None
        if volume is None:
            return None
        if volume.metadata.annotations.get(_PROVISIONED_BY) == _PROVISIONER:
            try:
                await self._client.delete(PersistentVolume, name)
            except NotFoundError:
                return None
        else:
            volume.status.phase = "Released"
            await self._client.update_status(volume)
        return None

    async def _volume_of(self, obj: PersistentVolumeClaim) -> PersistentVolume | None:
        if obj.spec.volume_name:
            volume = await self._client.find(PersistentVolume, obj.spec.volume_name)
            if volume is None:
                return None
            ref = volume.spec.claim_ref
            if ref is None:
                volume.spec.claim_ref = reference_to(obj)
                return await self._client.update(volume)
            return volume if ref.uid in ("", obj.metadata.uid) else None
        made = make_volume(obj, self._directory)
        try:
            volume = await self._client.create(made)
        except AlreadyExistsError:
            return await self._client.get(PersistentVolume, made.metadata.name)
        message = f"Successfully provisioned volume {made.metadata.name}"
        self._recorder.normal(obj, "ProvisioningSucceeded", message)
        return volume


def make_volume(claim: PersistentVolumeClaim, directory: str) -> PersistentVolume:
    """The volume of one claim, under a name that follows from the claim's uid."""
    meta = claim.metadata
    volume = PersistentVolume(
        metadata=ObjectMeta(name=f"pvc-{meta.uid}", annotations={_PROVISIONED_BY: _PROVISIONER})
    )
    volume.spec.capacity = dict(claim.spec.resources.requests)
    volume.spec.access_modes = list(claim.spec.access_modes)
    volume.spec.claim_ref = reference_to(claim)
    volume.spec.persistent_volume_reclaim_policy = "Delete"
    volume.spec.storage_class_name = claim.spec.storage_class_name or ""
    volume.spec.volume_mode = claim.spec.volume_mode
    path = f"{directory}/{meta.namespace}/{meta.name}"
    volume.spec.host_path = HostPathVolumeSource(path=path)
    return volume
