"""Keeps the number of pods of a ReplicaSet at what it asks for."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apis.apps import ReplicaSet
from wakeful.apis.core import Pod
from wakeful.client import Client
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.apps.ownership import Children
from wakeful.reconciler.apps.replicaset.pending import PendingPods
from wakeful.reconciler.apps.replicaset.resources import (
    make_pod,
    rank_for_deletion,
    set_failure,
    update_status,
)

_RETRY_SECONDS = 1.0


class ReplicaSetReconciler:
    """Makes missing pods and deletes surplus ones.

    A pass that made pods leaves the status alone: their own events bring the next pass, and a cold
    start is not held up by a status nobody waits for.
    """

    def __init__(
        self,
        client: Client,
        pods: Children[Pod],
        pending: PendingPods,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._client, self._pods, self._pending = client, pods, pending
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, obj: ReplicaSet) -> Result | None:
        """Bring the number of pods in line, then count them."""
        if obj.spec.selector is None:
            return None
        mine = await self._pods.claim(obj, obj.spec.selector.to_selector())
        uid = obj.metadata.uid
        gone = self._pending.deleted(uid)
        pods = [pod for pod in mine if pod.is_active and pod.metadata.uid not in gone]
        missing = (obj.spec.replicas or 0) - len(pods) - self._pending.created(uid)
        failure: tuple[str, str] = ("", "")
        if missing > 0:
            failure = await self._create(obj, missing)
            if not failure[0] and obj.status.conditions == []:
                return None
        elif missing < 0 and self._pending.created(uid) == 0:
            failure = await self._delete(obj, rank_for_deletion(pods)[:-missing])
        now = self._clock.now()
        set_failure(obj.status, *failure, now)
        wait = update_status(obj.status, obj, pods, now)
        if failure[0]:
            wait = min(wait or _RETRY_SECONDS, _RETRY_SECONDS)
        return Result(requeue_after=wait)

    async def _create(self, owner: ReplicaSet, count: int) -> tuple[str, str]:
        uid = owner.metadata.uid
        for _ in range(count):
            pod = make_pod(owner)
            name = pod.metadata.name
            self._pending.creating(uid, name)
            try:
                await self._client.create(pod)
            except APIStatusError as err:
                self._pending.not_created(uid, name)
                message = str(err)
                self._recorder.warning(owner, "FailedCreate", f"Error creating: {message}")
                return "FailedCreate", message
            except BaseException:
                self._pending.not_created(uid, name)
                raise
            self._recorder.normal(owner, "SuccessfulCreate", f"Created pod: {name}")
        return "", ""

    async def _delete(self, owner: ReplicaSet, pods: list[Pod]) -> tuple[str, str]:
        uid = owner.metadata.uid
        for pod in pods:
            meta = pod.metadata
            self._pending.deleting(uid, meta.uid)
            try:
                await self._client.delete(Pod, meta.name, meta.namespace, uid=meta.uid)
            except NotFoundError:
                continue  # as wished; its event is on the way
            except APIStatusError as err:
                self._pending.not_deleted(uid, meta.uid)
                message = str(err)
                self._recorder.warning(owner, "FailedDelete", f"Error deleting: {message}")
                return "FailedDelete", message
            except BaseException:
                self._pending.not_deleted(uid, meta.uid)
                raise
            self._recorder.normal(owner, "SuccessfulDelete", f"Deleted pod: {meta.name}")
        return "", ""
