"""Runs the pods of a Job until enough of them succeeded, or too many failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from wakeful.aio import Clock
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apis.batch import Job
from wakeful.apis.batch.job_types import COMPLETE, FAILED
from wakeful.apis.core import Pod
from wakeful.client import Client
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.apps.ownedpods import OwnedPods
from wakeful.reconciler.apps.ownership import Children
from wakeful.reconciler.batch.job.plan import Plan, plan_job
from wakeful.reconciler.batch.job.resources import mark_finished, mark_suspended


class JobReconciler:
    """Makes pods, counts how they ended, and removes a finished job when its time has come.

    Counts never go down: a pod deleted after it ended stays counted once it was seen.
    """

    def __init__(
        self,
        client: Client,
        children: Children[Pod],
        pods: OwnedPods,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._client, self._children, self._pods = client, children, pods
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, obj: Job) -> Result | None:
        """Take the next step."""
        now = self._clock.now()
        if obj.status.is_finished:
            return await self._expire(obj, now)
        suspended = bool(obj.spec.suspend)
        if mark_suspended(obj.status, suspended=suspended, now=now):
            reason = "Suspended" if suspended else "Resumed"
            self._recorder.normal(obj, reason, f"Job {reason.lower()}")
        if suspended:
            obj.status.start_time = None
        elif obj.status.start_time is None:
            obj.status.start_time = now
        uid = obj.metadata.uid
        gone = self._pods.pending.deleted(uid)
        pods = [p for p in self._children.owned_by(obj) if p.metadata.uid not in gone]
        plan = plan_job(obj, pods, self._pods.pending.created(uid), now)
        await self._pods.create(obj, plan.create)
        await self._pods.delete(obj, plan.delete)
        self._count(obj, plan, pods)
        if plan.outcome is not None:
            mark_finished(obj.status, plan.outcome, now)
            if plan.outcome.is_success:
                self._recorder.normal(obj, "Completed", "Job completed")
            else:
                self._recorder.warning(obj, plan.outcome.reason, plan.outcome.message)
            return await self._expire(obj, now)
        return Result(requeue_after=plan.wait_seconds)

    def _count(self, obj: Job, plan: Plan, pods: list[Pod]) -> None:
        uid = obj.metadata.uid
        gone = self._pods.pending.deleted(uid)
        active = [pod for pod in pods if pod.is_active and pod.metadata.uid not in gone]
        obj.status.succeeded, obj.status.failed = plan.succeeded, plan.failed
        obj.status.active = len(active) + self._pods.pending.created(uid)
        obj.status.ready = sum(pod.is_ready for pod in active)
        obj.status.terminating = sum(pod.is_deleting and not pod.is_finished for pod in pods)

    async def _expire(self, obj: Job, now: datetime) -> Result | None:
        ttl = obj.spec.ttl_seconds_after_finished
        if ttl is None:
            return None
        left = (_finished_at(obj, now) + timedelta(seconds=ttl) - now).total_seconds()
        if left > 0:
            return Result(requeue_after=left)
        meta = obj.metadata
        try:
            await self._client.delete(Job, meta.name, meta.namespace, uid=meta.uid)
        except NotFoundError:
            return None
        return None


def _finished_at(job: Job, now: datetime) -> datetime:
    for kind in (COMPLETE, FAILED):
        condition = job.status.condition(kind)
        if condition is not None and condition.last_transition_time is not None:
            return condition.last_transition_time
    return now
