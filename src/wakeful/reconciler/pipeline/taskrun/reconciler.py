"""Carries a TaskRun out: a Pod for each attempt, until one succeeds or none is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from wakeful.aio import Clock
from wakeful.apimachinery.conditions import Condition
from wakeful.apimachinery.duration import format_duration
from wakeful.apimachinery.errors import (
    APIStatusError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apimachinery.request import PatchType
from wakeful.apis.core.pod_types import ContainerStateTerminated, Pod
from wakeful.apis.pipeline import TaskRun, TaskRunReason, TaskSpec
from wakeful.apis.pipeline.provenance_types import Provenance
from wakeful.apis.pipeline.register import LAST_APPLIED, RELEASE_ANNOTATION
from wakeful.client import Client, Informer
from wakeful.controller import EventRecorder, Result
from wakeful.pipelines.entrypoint import (
    CANCEL_ANNOTATION,
    CANCELLED,
    READY,
    READY_ANNOTATION,
)
from wakeful.pipelines.entrypoint.layout import RESULTS_SIDECAR
from wakeful.pipelines.errors import USER_ERROR, RunFailedError
from wakeful.pipelines.names import is_step
from wakeful.reconciler.pipeline.configs import PipelineConfigs
from wakeful.reconciler.pipeline.events import emit
from wakeful.reconciler.pipeline.expiry import expire
from wakeful.reconciler.pipeline.release import release
from wakeful.reconciler.pipeline.resolving import AwaitingError, FoundTask
from wakeful.reconciler.pipeline.taskrun.failures import waits_in_vain
from wakeful.reconciler.pipeline.taskrun.plan import Images, pod_name
from wakeful.reconciler.pipeline.taskrun.prepare import Preparation, Prepared, creation_failure
from wakeful.reconciler.pipeline.taskrun.resources import make_pod
from wakeful.reconciler.pipeline.taskrun.status import (
    begin_retry,
    end_steps,
    observe_pod,
    too_large_result,
)

log = structlog.get_logger("wakeful.reconciler.pipeline")

_UNINTERESTING = frozenset(("Started", "Running", "Pending"))
_STOPPED = "Sidecar container successfully stopped by nop image"
_QUOTA_SECONDS = 60.0


class TaskRunReconciler:
    """Makes the Pod, tells what it does, and ends it when the run is over."""

    def __init__(
        self,
        client: Client,
        pods: Informer[Pod],
        configs: PipelineConfigs,
        preparation: Preparation,
        recorder: EventRecorder,
        images: Images,
        clock: Clock,
    ) -> None:
        self._client, self._pods, self._configs = client, pods, configs
        self._preparation, self._recorder = preparation, recorder
        self._images, self._clock = images, clock

    async def reconcile_kind(self, obj: TaskRun) -> Result | None:
        """Take the next step."""
        if not obj.is_ours:
            return None
        before = obj.succeeded
        if obj.is_done:
            await self._stop_sidecars(obj)
            return await expire(self._client, obj, self._configs.defaults, self._clock.now())
        result = await self._go_on(obj, before)
        if obj.status.is_failed and not obj.is_cancelled and obj.is_retriable:
            begin_retry(obj, self._clock.now())
            result = None  # its status is written now, which has it looked at again
        emit(self._recorder, before, obj)
        return result

    async def _go_on(self, run: TaskRun, before: Condition | None) -> Result | None:
        now, status = self._clock.now(), run.status
        timeout = self._timeout(run)
        if run.is_cancelled:
            text = f'TaskRun "{run.metadata.name}" was cancelled. {run.spec.status_message}'
            return await self._end(run, TaskRunReason.CANCELLED, _with_context(text, before))
        if run.is_pending:
            text = f'TaskRun "{run.metadata.name}" is pending'
            status.mark_running(TaskRunReason.PENDING, text, now)
            return None
        status.initialize(now)
        if run.has_timed_out(now, self._configs.defaults.timeout):
            return await self._time_out(run, timeout, before)
        pod = self._find_pod(run)
        if pod is None:
            pod = await self._start(run)
        if pod is None:
            return await self._unstarted(run, timeout, now)
        if status.task_spec is None:  # the Pod was made, and then this process ended
            status.task_spec = (await self._prepare(run)).spec
        await self._observe(run, pod, status.task_spec)
        return self._until_timeout(run, timeout, now)

    async def _unstarted(self, run: TaskRun, timeout: timedelta, now: datetime) -> Result | None:
        if run.status.reason == TaskRunReason.EXCEEDED_RESOURCE_QUOTA:
            run.status.start_time = None  # it has not begun, so its time does not run
            return Result(requeue_after=_QUOTA_SECONDS)
        return self._until_timeout(run, timeout, now)

    def _until_timeout(self, run: TaskRun, timeout: timedelta, now: datetime) -> Result | None:
        begun = run.status.start_time
        if run.is_done or not timeout or begun is None:
            return None
        return Result(requeue_after=max(0.0, (begun + timeout - now).total_seconds()) + 0.001)

    def _timeout(self, run: TaskRun) -> timedelta:
        own = run.spec.timeout
        return self._configs.defaults.timeout if own is None else own

    # --- the Pod ----------------------------------------------------------------------------------

    def _find_pod(self, run: TaskRun) -> Pod | None:
        """The Pod of this attempt, as cached."""
        pod = self._pods.get(pod_name(run), run.metadata.namespace)
        return pod if pod is not None and is_controlled_by(pod, run) else None

    async def _prepare(self, run: TaskRun) -> Prepared:
        return await self._preparation.prepare(run, self._configs.defaults, self._configs.flags)

    async def _start(self, run: TaskRun) -> Pod | None:
        """Make the Pod; None when there is none yet, or never will be: the status says so."""
        now = self._clock.now()
        try:
            prepared = await self._prepare(run)
        except AwaitingError:
            text = f"TaskRun {run.key} awaiting remote resource"
            run.status.mark_running(TaskRunReason.RESOLVING_TASK_REF, text, now)
            return None
        except RunFailedError as err:
            run.status.mark_failed(err.reason, err.message, now)
            if err.reason == TaskRunReason.RESOURCE_VERIFICATION_FAILED:
                run.status.note_trust(passed=False, message=err.message, now=now)
            return None
        if (verdict := prepared.task.verdict) is not None:
            run.status.note_trust(passed=verdict.passed, message=verdict.message, now=now)
        await self._inherit(run, prepared)
        run.status.task_spec = prepared.spec
        if self._configs.flags.provenance_in_status:
            run.status.provenance = Provenance(
                ref_source=prepared.task.source, feature_flags=dict(self._configs.flags.raw) or None
            )
        return await self._create(run, prepared)

    async def _create(self, run: TaskRun, prepared: Prepared) -> Pod | None:
        now = self._clock.now()
        plan = prepared.plan
        labelled = plan.run.model_copy(update={"metadata": run.metadata})
        wanted = make_pod(replace(plan, run=labelled))
        try:
            pod = await self._client.create_or_get(wanted)
        except ForbiddenError as err:
            if "exceeded quota" not in err.message:
                run.status.mark_failed(TaskRunReason.POD_ADMISSION_FAILED, err.message, now)
                return None
            text = f"TaskRun Pod exceeded available resources: {err.message}"
            run.status.mark_running(TaskRunReason.EXCEEDED_RESOURCE_QUOTA, text, now)
            return None
        except (InvalidError, NotFoundError) as err:
            text = creation_failure(run, err.message)
            run.status.mark_failed(TaskRunReason.POD_CREATION_FAILED, text, now)
            return None
        if not is_controlled_by(pod, run):
            text = creation_failure(run, f'pods "{wanted.metadata.name}" already exists')
            run.status.mark_failed(TaskRunReason.POD_CREATION_FAILED, text, now)
            return None
        return pod

    async def _inherit(self, run: TaskRun, prepared: Prepared) -> None:
        """Give the run the labels and annotations of its task unless it has its own, and ours."""
        meta = run.metadata
        task = prepared.task if run.spec.task_ref is not None else FoundTask(name="")
        labels = {**task.labels, **task.task_labels, **meta.labels}
        notes = {k: v for k, v in task.annotations.items() if k != LAST_APPLIED}
        notes |= {**meta.annotations, RELEASE_ANNOTATION: release()}
        if labels == meta.labels and notes == meta.annotations:
            return
        patch = {"metadata": {"uid": meta.uid, "labels": labels, "annotations": notes}}
        patched = await self._client.patch(TaskRun, meta.name, meta.namespace, patch)
        run.metadata = patched.metadata

    async def _observe(self, run: TaskRun, pod: Pod, spec: TaskSpec) -> None:
        now = self._clock.now()
        if READY_ANNOTATION not in pod.metadata.annotations and _sidecars_ready(pod):
            await self._annotate(pod, READY_ANNOTATION, READY)
        observe_pod(run, pod, spec, now)
        if (failure := waits_in_vain(pod, run.metadata.name)) is not None and not run.is_done:
            await self._end(run, failure.reason, failure.message)
            return
        large = too_large_result(run.status, self._configs.flags.max_result_size)
        if large is not None and run.is_done:
            text = (
                f'{USER_ERROR}TaskRun "{run.metadata.name}" failed: results exceeded size limit'
                f" {self._configs.flags.max_result_size} bytes: {large}"
            )
            run.status.mark_failed(TaskRunReason.RESULT_TOO_LARGE, text, now)
        if run.is_done:
            await self._stop_sidecars(run, pod)

    async def _annotate(self, pod: Pod, key: str, value: str) -> None:
        meta = pod.metadata
        patch = {"metadata": {"uid": meta.uid, "annotations": {key: value}}}
        try:
            await self._client.patch(Pod, meta.name, meta.namespace, patch)
        except NotFoundError:
            log.debug("pod is gone", pod=str(pod.key))

    # --- ends -------------------------------------------------------------------------------------

    async def _time_out(
        self, run: TaskRun, timeout: timedelta, before: Condition | None
    ) -> Result | None:
        pod = self._find_pod(run)
        if pod is not None and run.status.task_spec is not None:
            steps = run.deep_copy()
            observe_pod(steps, pod, run.status.task_spec, self._clock.now())
            run.status.steps = steps.status.steps
        text = f'TaskRun "{run.metadata.name}" failed to finish within "{format_duration(timeout)}"'
        return await self._end(run, TaskRunReason.TIMED_OUT, _with_context(text, before))

    async def _end(self, run: TaskRun, reason: TaskRunReason, message: str) -> Result | None:
        """End the run, and its Pod with it."""
        now, name = self._clock.now(), run.status.pod_name
        run.status.mark_failed(reason, message, now)
        if not name:
            return None
        end_steps(run, reason, now)
        keep = self._configs.flags.keep_pod_on_cancel and reason in (
            TaskRunReason.CANCELLED,
            TaskRunReason.TIMED_OUT,
        )
        pod = self._find_pod(run)
        try:
            if keep and pod is not None:
                await self._annotate(pod, CANCEL_ANNOTATION, CANCELLED)
            else:
                await self._client.delete(Pod, name, run.metadata.namespace)
        except NotFoundError:
            log.debug("pod is gone", pod=name)
        return None

    async def _stop_sidecars(self, run: TaskRun, pod: Pod | None = None) -> None:
        """End what still runs beside the steps, by an image that ends at once."""
        pod = pod or self._find_pod(run)
        if pod is None or pod.is_deleting or pod.status.phase != "Running":
            return
        running = {
            s.name
            for s in pod.status.container_statuses
            if not is_step(s.name) and s.name != RESULTS_SIDECAR  # it ends by itself
            if s.state is not None and s.state.running is not None
        }
        nop = self._images.nop
        stale = [c.name for c in pod.spec.containers if c.name in running and c.image != nop]
        if stale:
            patch = {"spec": {"containers": [{"name": name, "image": nop} for name in stale]}}
            meta = pod.metadata
            try:
                await self._client.patch(
                    Pod, meta.name, meta.namespace, patch, patch_type=PatchType.STRATEGIC
                )
            except NotFoundError:
                return
            except APIStatusError as err:
                text = f"error stopping sidecars of Pod {meta.name!r}: {err.message}"
                run.status.mark_failed(TaskRunReason.STOP_SIDECAR_FAILED, text, self._clock.now())
                return
        for sidecar in run.status.sidecars:
            if sidecar.running is not None:
                sidecar.terminated = ContainerStateTerminated(
                    exit_code=0,
                    reason="Completed",
                    message=_STOPPED,
                    started_at=sidecar.running.started_at,
                    finished_at=self._clock.now(),
                )
                sidecar.running = None


def _with_context(message: str, before: Condition | None) -> str:
    """The message, and what was wrong before it, if anything was."""
    if before is None or before.reason in _UNINTERESTING or not before.message:
        return message
    return f"{message}\nPrevious status: [{before.reason}] {before.message}"


def _sidecars_ready(pod: Pod) -> bool:
    if pod.status.phase != "Running":
        return False
    return all(
        s.state is not None
        and (s.state.terminated is not None or (s.state.running is not None and bool(s.ready)))
        for s in pod.status.container_statuses
        if not is_step(s.name)
    )
