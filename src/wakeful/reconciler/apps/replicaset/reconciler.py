"""Keeps the number of pods of a ReplicaSet at what it asks for."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apimachinery.errors import APIStatusError
from wakeful.apis.apps import ReplicaSet
from wakeful.apis.core import Pod
from wakeful.controller import Result
from wakeful.reconciler.apps.ownedpods import OwnedPods
from wakeful.reconciler.apps.ownership import Children
from wakeful.reconciler.apps.replicaset.resources import (
    rank_for_deletion,
    seconds_until_retry,
    set_failure,
    update_status,
)


class ReplicaSetReconciler:
    """Makes missing pods and deletes surplus ones.

    A pass that made pods leaves the status alone: their own events bring the next pass, and a cold
    start is not held up by a status nobody waits for.
    """

    def __init__(self, children: Children[Pod], pods: OwnedPods, clock: Clock) -> None:
        self._children, self._pods, self._clock = children, pods, clock

    async def reconcile_kind(self, obj: ReplicaSet) -> Result | None:
        """Bring the number of pods in line, then count them."""
        if obj.spec.selector is None:
            return None
        mine = await self._children.claim(obj, obj.spec.selector.to_selector())
        uid, pending = obj.metadata.uid, self._pods.pending
        gone = pending.deleted(uid)
        pods = [pod for pod in mine if pod.is_active and pod.metadata.uid not in gone]
        missing = (obj.spec.replicas or 0) - len(pods) - pending.created(uid)
        failure = ("", "")
        if missing > 0:
            try:
                await self._pods.create(obj, missing)
            except APIStatusError as err:
                failure = ("FailedCreate", str(err))
            else:
                if obj.status.conditions == []:
                    return None
        elif missing < 0 and pending.created(uid) == 0:
            try:
                await self._pods.delete(obj, rank_for_deletion(pods)[:-missing])
            except APIStatusError as err:
                failure = ("FailedDelete", str(err))
        now = self._clock.now()
        set_failure(obj.status, *failure, now)
        wait = update_status(obj.status, obj, pods, now)
        if failure[0]:
            retry = seconds_until_retry(obj.status, now)
            wait = min(wait or retry, retry)
        return Result(requeue_after=wait)
