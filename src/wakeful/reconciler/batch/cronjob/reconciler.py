"""Starts Jobs when their time has come, and keeps only the last few."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from wakeful.aio import Clock
from wakeful.apimachinery.errors import AlreadyExistsError, NotFoundError
from wakeful.apimachinery.meta import ObjectMeta, format_time, owner_reference
from wakeful.apis.batch import CronJob, Job
from wakeful.apis.batch.cron import parse_schedule
from wakeful.apis.batch.job_types import COMPLETE
from wakeful.apis.core.reference_types import reference_to
from wakeful.client import Client
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.apps.ownership import Children
from wakeful.reconciler.batch.cronjob.schedule import find_due

SCHEDULED_ANNOTATION = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_EPOCH = datetime.fromtimestamp(0, UTC)


class CronJobReconciler:
    """One start for each time that comes, the latest only when several were missed."""

    def __init__(
        self, client: Client, jobs: Children[Job], recorder: EventRecorder, clock: Clock
    ) -> None:
        self._client, self._jobs = client, jobs
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, obj: CronJob) -> Result | None:
        """Tidy up, start what is due, come back for the next."""
        jobs = self._jobs.owned_by(obj)
        self._note_active(obj, jobs)
        await self._clean_up(obj, jobs)
        if obj.spec.suspend:
            return None
        try:
            schedule = parse_schedule(obj.spec.schedule, obj.spec.time_zone)
        except ValueError as err:
            self._recorder.warning(obj, "UnparseableSchedule", f"unparseable schedule: {err}")
            return None
        now = self._clock.now()
        due = find_due(schedule, self._since(obj, now), now)
        if due.last is not None:
            if due.missed >= 99:
                message = "too many missed start times; only the last one is made up for"
                self._recorder.warning(obj, "TooManyMissedTimes", message)
            await self._start(obj, due.last, now)
        if due.next is None:
            return None
        return Result(requeue_after=max(0.05, (due.next - now).total_seconds()))

    def _since(self, obj: CronJob, now: datetime) -> datetime:
        since = obj.status.last_schedule_time or obj.metadata.creation_timestamp or now
        deadline = obj.spec.starting_deadline_seconds
        if deadline is not None:
            since = max(since, now - timedelta(seconds=deadline))
        return since

    def _note_active(self, obj: CronJob, jobs: Sequence[Job]) -> None:
        finished = {job.metadata.uid for job in jobs if job.status.is_finished}
        alive = {job.metadata.uid for job in jobs} - finished
        obj.status.active = [ref for ref in obj.status.active if ref.uid in alive]
        known = {ref.uid for ref in obj.status.active}
        for job in jobs:
            if job.metadata.uid in alive - known:
                obj.status.active.append(reference_to(job))
        ends = [j.status.completion_time for j in jobs if j.status.condition(COMPLETE) is not None]
        last = max((end for end in ends if end is not None), default=None)
        if last is not None and last > (obj.status.last_successful_time or _EPOCH):
            obj.status.last_successful_time = last

    async def _start(self, obj: CronJob, scheduled: datetime, now: datetime) -> None:
        if obj.status.active:
            if obj.spec.concurrency_policy == "Forbid":
                message = "Not starting job because prior execution is running and concurrency"
                self._recorder.normal(obj, "JobAlreadyActive", f"{message} policy is Forbid")
                return
            if obj.spec.concurrency_policy == "Replace":
                for ref in obj.status.active:
                    await self._delete(obj, ref.name, ref.namespace)
                obj.status.active = []
        job = make_job(obj, scheduled)
        try:
            made = await self._client.create(job)
        except AlreadyExistsError:
            made = await self._client.get(Job, job.metadata.name, job.metadata.namespace)
        else:
            self._recorder.normal(obj, "SuccessfulCreate", f"Created job {job.metadata.name}")
        if all(ref.uid != made.metadata.uid for ref in obj.status.active):
            obj.status.active.append(reference_to(made))
        obj.status.last_schedule_time = scheduled

    async def _clean_up(self, obj: CronJob, jobs: Sequence[Job]) -> None:
        finished = sorted(
            (job for job in jobs if job.status.is_finished and not job.is_deleting),
            key=lambda job: job.status.start_time or _EPOCH,
        )
        good = [job for job in finished if job.status.condition(COMPLETE) is not None]
        bad = [job for job in finished if job.status.condition(COMPLETE) is None]
        for group, limit in (
            (good, obj.spec.successful_jobs_history_limit),
            (bad, obj.spec.failed_jobs_history_limit),
        ):
            if limit is not None and len(group) > limit:
                for job in group[: len(group) - limit]:
                    await self._delete(obj, job.metadata.name, job.metadata.namespace)

    async def _delete(self, obj: CronJob, name: str, namespace: str) -> None:
        try:
            await self._client.delete(Job, name, namespace)
        except NotFoundError:
            return
        self._recorder.normal(obj, "SuccessfulDelete", f"Deleted job {name}")


def make_job(cron_job: CronJob, scheduled: datetime) -> Job:
    """The job of one start; its name tells the minute, so a start happens once."""
    template, meta = cron_job.spec.job_template, cron_job.metadata
    minute = int(scheduled.timestamp()) // 60
    return Job(
        metadata=ObjectMeta(
            name=f"{meta.name}-{minute}",
            namespace=meta.namespace,
            labels=dict(template.metadata.labels),
            annotations={
                **template.metadata.annotations,
                SCHEDULED_ANNOTATION: format_time(scheduled),
            },
            owner_references=[owner_reference(cron_job)],
        ),
        spec=template.spec.deep_copy(),
    )
