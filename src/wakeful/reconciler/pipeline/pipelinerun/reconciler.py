"""Carries a PipelineRun out: asks what is next, and does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from wakeful.aio import Clock
from wakeful.apimachinery.conditions import FALSE, TRUE
from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName, Object, is_controlled_by
from wakeful.apis.core.volumeclaim_types import PersistentVolumeClaim
from wakeful.apis.pipeline import (
    CustomRun,
    PipelineRun,
    PipelineRunReason,
    PipelineRunSpecStatus,
    PipelineSpec,
    TaskRun,
    TaskRunSpecStatus,
)
from wakeful.apis.pipeline.config import COSCHEDULE_WORKSPACES
from wakeful.apis.pipeline.provenance_types import Provenance
from wakeful.apis.pipeline.register import (
    AUTO_CLEANUP_ANNOTATION,
    LAST_APPLIED,
    PIPELINE_LABEL,
    RUN_CANCELLED,
    TRUSTED,
)
from wakeful.client import Client
from wakeful.controller import EventRecorder, Result
from wakeful.pipelines.decision import Decision, Start, Stop
from wakeful.pipelines.errors import RunFailedError
from wakeful.pipelines.legacy import taken_from
from wakeful.pipelines.prepare import (
    check_pipeline_run,
    check_tasks,
    graph_of,
    limits_of,
    resolve_pipeline,
)
from wakeful.pipelines.scheduling import decide
from wakeful.pipelines.state import CUSTOM_RUN, PIPELINE_RUN, RunState
from wakeful.pipelines.trust import Verdict
from wakeful.reconciler.pipeline.configs import PipelineConfigs
from wakeful.reconciler.pipeline.events import emit
from wakeful.reconciler.pipeline.expiry import expire
from wakeful.reconciler.pipeline.pipelinerun.lookup import Lookup
from wakeful.reconciler.pipeline.pipelinerun.resources import make_artifacts_claim, make_run
from wakeful.reconciler.pipeline.resolving import AwaitingError, FoundPipeline
from wakeful.reconciler.pipeline.taskrun.workspaces import make_claims

log = structlog.get_logger("wakeful.reconciler.pipeline")


class PipelineRunReconciler:
    """Starts and ends the runs of a pipeline's tasks; every look begins from the objects alone."""

    def __init__(
        self,
        client: Client,
        lookup: Lookup,
        configs: PipelineConfigs,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._client, self._lookup, self._configs = client, lookup, configs
        self._recorder, self._clock = recorder, clock

    async def reconcile_kind(self, obj: PipelineRun) -> Result | None:
        """Take the next step."""
        if not obj.is_ours:
            return None
        now, before = self._clock.now(), obj.succeeded
        if obj.is_done:
            self._lookup.forget(obj.key)
            await self._clean_up(obj)
            return await expire(self._client, obj, self._configs.defaults, now)
        if obj.is_pending:
            text = f'PipelineRun "{obj.metadata.name}" is pending'
            obj.status.mark_running(PipelineRunReason.PENDING, text, now)
            emit(self._recorder, before, obj)
            return None
        obj.status.initialize(now)
        try:
            result = await self._go_on(obj, now)
        except AwaitingError:
            text = f"PipelineRun {obj.key} awaiting remote resource"
            obj.status.mark_running(PipelineRunReason.RESOLVING_PIPELINE_REF, text, now)
            result = None
        except RunFailedError as err:
            obj.status.mark_failed(err.reason, err.message, now)
            if err.reason == PipelineRunReason.RESOURCE_VERIFICATION_FAILED:
                obj.status.note_trust(passed=False, message=err.message, now=now)
            result = None
        emit(self._recorder, before, obj)
        return result

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nothing is remembered of a run that is gone."""
        self._lookup.forget(key)

    async def _go_on(self, run: PipelineRun, now: datetime) -> Result | None:
        spec, name = await self._spec(run)
        graph = graph_of(run, spec)
        states = await self._lookup.states(run, spec, name)
        _note_trust(run, self._lookup.verdicts(run), now)
        if not any(state.children for state in states):
            check_tasks(run, spec, states)
            await self._make_claims(run, spec)
        limits = limits_of(run, self._configs.defaults.timeout)
        state = RunState(run, states, graph, limits, now)
        decision = decide(state, max_rows=self._configs.defaults.max_matrix_combinations)
        for task, text in decision.failed_validation.items():
            self._recorder.warning(run, "ResultValidationFailed", f"{task}: {text}")
        for stop in decision.stop:
            await self._stop(run, stop)
        for start in decision.start:
            await self._start(run, start, name)
        self._tell(run, decision, now)
        wait = decision.requeue_after
        return (
            None if wait is None else Result(requeue_after=max(0.0, wait.total_seconds()) + 0.001)
        )

    def _tell(self, run: PipelineRun, decision: Decision, now: datetime) -> None:
        status = run.status
        status.child_references = decision.children
        status.skipped_tasks = decision.skipped
        status.finally_start_time = decision.finally_start_time
        if decision.results is not None:
            status.results = decision.results
        if decision.status == TRUE:
            status.mark_succeeded(decision.reason, decision.message, now)
        elif decision.status == FALSE:
            status.mark_failed(decision.reason, decision.message, now)
        else:
            status.mark_running(decision.reason, decision.message, now)

    # --- the pipeline -----------------------------------------------------------------------------

    async def _spec(self, run: PipelineRun) -> tuple[PipelineSpec, str]:
        """What is carried out, with the run's variables replaced: found once, then the status's."""
        if run.status.pipeline_spec is not None:
            name = run.metadata.labels.get(PIPELINE_LABEL, run.metadata.name)
            return run.status.pipeline_spec, name
        found = await self._lookup.pipeline(run)
        await self._inherit(run, found)
        if found.verdict is not None:
            _note_trust(run, [found.verdict], self._clock.now())
        check_pipeline_run(run, found.spec, found.name)
        spec = await self._lookup.with_checks(run, found.spec)
        resolved = resolve_pipeline(run, spec, found.name)
        run.status.pipeline_spec = resolved
        if self._configs.flags.provenance_in_status:
            run.status.provenance = Provenance(
                ref_source=found.source, feature_flags=dict(self._configs.flags.raw) or None
            )
        return resolved, found.name

    async def _inherit(self, run: PipelineRun, found: FoundPipeline) -> None:
        """Give the run the labels and annotations of its pipeline, unless it has its own."""
        meta = run.metadata
        labels = {**found.labels, **meta.labels, PIPELINE_LABEL: found.name}
        notes = {k: v for k, v in found.annotations.items() if k != LAST_APPLIED}
        notes.update(meta.annotations)
        if labels == meta.labels and notes == meta.annotations:
            return
        patch = {"metadata": {"uid": meta.uid, "labels": labels, "annotations": notes}}
        patched = await self._client.patch(PipelineRun, meta.name, meta.namespace, patch)
        run.metadata = patched.metadata

    async def _make_claims(self, run: PipelineRun, spec: PipelineSpec) -> None:
        claims = make_claims(run.spec.workspaces, run)
        if taken_from((*spec.tasks, *spec.finally_)):
            claims.append(make_artifacts_claim(run))
        for claim in claims:
            try:
                await self._client.create_or_get(claim)
            except APIStatusError as err:
                raise RunFailedError(
                    "CouldntCreateWorkspacePVC",
                    f"Failed to create PVC for PipelineRun {run.key} Workspaces correctly:"
                    f" {err.message}",
                ) from err

    async def _clean_up(self, run: PipelineRun) -> None:
        """Delete the claims of a run that has ended, if they are not to be kept as long as it."""
        wanted = run.metadata.annotations.get(AUTO_CLEANUP_ANNOTATION) == "true"
        flags = self._configs.flags
        if not flags.claims_go_with_runs and not (
            wanted and flags.coschedule == COSCHEDULE_WORKSPACES
        ):
            return
        for claim in make_claims(run.spec.workspaces, run):
            meta = claim.metadata
            try:
                await self._client.delete(PersistentVolumeClaim, meta.name, meta.namespace)
            except NotFoundError:
                log.debug("claim is gone", claim=str(claim.key))

    # --- the runs ---------------------------------------------------------------------------------

    async def _start(self, run: PipelineRun, start: Start, pipeline: str) -> None:
        found = await self._lookup.task(run, start.task, pipeline)
        labels = found.task_labels if found is not None else {}
        inner = await self._lookup.child_pipeline(run, start.task, pipeline)
        if inner is not None:
            await self._check_circle(run, inner)
            labels = {PIPELINE_LABEL: inner.name}
        child = make_run(
            run,
            start,
            run.task_run_spec(start.task.name),
            managed_by=self._configs.defaults.managed_by,
            task_labels=labels,
        )
        try:
            made = await self._client.create_or_get(child)
        except APIStatusError as err:
            text = f"error creating {start.kind}s called [{start.name}] for PipelineTask"
            text += f" {start.task.name} from PipelineRun {run.metadata.name}: {err.message}"
            self._recorder.warning(run, "TaskRunsCreationFailed", text)
            raise RunFailedError(PipelineRunReason.CREATE_RUN_FAILED, text) from err
        if not is_controlled_by(made, run):
            raise RunFailedError(
                PipelineRunReason.CREATE_RUN_FAILED,
                f'{start.kind} "{start.name}" already exists and does not belong to PipelineRun'
                f' "{run.metadata.name}"',
            )

    async def _check_circle(self, run: PipelineRun, inner: FoundPipeline) -> None:
        around = await self._lookup.ancestors(run)
        if inner.name in around:
            chain = " ".join(around[: around.index(inner.name)])
            raise RunFailedError(
                PipelineRunReason.CREATE_RUN_FAILED,
                f'detected cycle in pipeline-in-pipeline: pipeline "{inner.name}" is already'
                f" running in ancestor chain [{chain}]",
            )

    async def _stop(self, run: PipelineRun, stop: Stop) -> None:
        """Ask a run to end; one that has ended or is gone need not be asked."""
        model: type[Object] = TaskRun
        value = str(TaskRunSpecStatus.CANCELLED)
        spec: dict[str, str] = {"statusMessage": stop.message}
        if stop.kind == CUSTOM_RUN:
            model, value = CustomRun, RUN_CANCELLED
        elif stop.kind == PIPELINE_RUN:
            model, value, spec = PipelineRun, str(PipelineRunSpecStatus.CANCELLED), {}
        patch = {"spec": {"status": value, **spec}}
        try:
            await self._client.patch(model, stop.name, run.metadata.namespace, patch)
        except NotFoundError:
            log.debug("run to stop is gone", run=stop.name)
        except APIStatusError as err:
            log.warning("run not stopped", run=stop.name, error=err.message)


def _note_trust(run: PipelineRun, verdicts: Sequence[Verdict], now: datetime) -> None:
    """Say that all is signed, or what somebody is to be warned of; once warned, warned."""
    before = run.status.condition(TRUSTED)
    if not verdicts or (before is not None and before.is_false):
        return
    warnings = [v.message for v in verdicts if not v.passed]
    run.status.note_trust(passed=not warnings, message=(warnings or [""])[0], now=now)
