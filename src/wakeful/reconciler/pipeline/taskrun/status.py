"""A TaskRun's status from its Pod's. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import orjson
from pydantic import ValidationError

from wakeful.apis.core.pod_types import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStateWaiting,
    Pod,
)
from wakeful.apis.core.pod_types import ContainerStatus as PodContainer
from wakeful.apis.pipeline import (
    ParamType,
    ResultValue,
    SidecarState,
    StepState,
    TaskRun,
    TaskRunReason,
    TaskRunStatus,
    TaskSpec,
    type_of,
)
from wakeful.apis.pipeline.legacy_types import PipelineResourceRef, PipelineResourceResult
from wakeful.apis.pipeline.param_types import ResultSpec
from wakeful.apis.pipeline.provenance_types import Artifacts
from wakeful.apis.pipeline.register import CONTINUE, ON_ERROR_ANNOTATION
from wakeful.apis.pipeline.scalars import coerce_value
from wakeful.pipelines.entrypoint import ResultKind, RunResult, parse_message
from wakeful.pipelines.names import is_sidecar, is_step, step_container
from wakeful.reconciler.pipeline.taskrun.failures import (
    Failure,
    explain,
    has_ended,
    has_failed,
    why_pending,
)

RUNNING = "Not all Steps in the Task have finished executing"
SUCCEEDED = "All Steps have completed executing"
_LIFTED = re.compile(r"\$\(steps\.([^.()]+)\.results\.([^.()\[]+)(?:\[\*\])?\)")


def observe_pod(run: TaskRun, pod: Pod, spec: TaskSpec, now: datetime) -> None:
    """Bring the status up to date; an end of the steps is the end of the attempt."""
    status = run.status
    status.pod_name = pod.metadata.name
    order = {c.name: index for index, c in enumerate(pod.spec.containers)}
    containers = sorted(pod.status.container_statuses, key=lambda s: order.get(s.name, len(order)))
    ended = has_ended(pod)
    steps = [s for s in containers if is_step(s.name)]
    results: list[ResultValue] = []
    artifacts = Artifacts()
    states = []
    resources: list[PipelineResourceResult] = []
    for one in steps:
        state, entries = _step_state(one)
        resources += (
            PipelineResourceResult(
                key=e.key,
                value=e.value,
                resource_name=e.resource,
                resource_ref=PipelineResourceRef(name=e.resource),
            )
            for e in entries
            if e.resource
        )
        _take_results(state, entries, spec, results if ended else [], artifacts)
        states.append(state)
    if states:
        status.steps = states
    status.sidecars = [
        SidecarState.model_validate(
            _fields(s.state or ContainerState())
            | {
                "name": s.name.removeprefix("sidecar-"),
                "container": s.name,
                "image_id": s.image_id,
            }
        )
        for s in (*containers, *pod.status.init_container_statuses)
        if is_sidecar(s.name)
    ]
    if not ended:
        _mark_under_way(status, pod, now)
        return
    status.results = list({r.name: r for r in results}.values())
    status.resources_result = resources
    status.artifacts = artifacts
    _mark_ended(run, pod, spec, now)


def _mark_under_way(status: TaskRunStatus, pod: Pod, now: datetime) -> None:
    if pod.status.phase == "Running":
        status.mark_running(TaskRunReason.RUNNING, RUNNING, now)
    else:
        status.mark_running(*why_pending(pod), now)


def _mark_ended(run: TaskRun, pod: Pod, spec: TaskSpec, now: datetime) -> None:
    if has_failed(pod):
        failure = explain(pod)
        ignored = run.metadata.annotations.get(ON_ERROR_ANNOTATION) == CONTINUE
        reason = TaskRunReason.FAILURE_IGNORED if ignored else failure.reason
        run.status.mark_failed(reason, failure.message, now)
    elif (wrong := mistyped_results(run.status.results, spec)) is not None:
        run.status.mark_failed(wrong.reason, wrong.message, now)
    else:
        run.status.mark_succeeded(SUCCEEDED, now)


# --- steps ----------------------------------------------------------------------------------------


def _fields(state: ContainerState) -> dict[str, object]:
    return {"waiting": state.waiting, "running": state.running, "terminated": state.terminated}


def _step_state(status: PodContainer) -> tuple[StepState, Sequence[RunResult]]:
    """One step's state without what it told of itself, and that apart."""
    state = StepState.model_validate(
        _fields(status.state or ContainerState())
        | {
            "name": status.name.removeprefix("step-"),
            "container": status.name,
            "image_id": status.image_id,
        }
    )
    ended = state.terminated
    if ended is None:
        return state, ()
    entries = parse_message(ended.message) if ended.message else []
    if entries is None:
        state.termination_reason = ended.reason
        return state, ()
    told = {e.key: e.value for e in entries if e.kind is ResultKind.INTERNAL}
    changed: dict[str, object] = {"message": _rest(entries)}
    if "StartedAt" in told:
        changed["started_at"] = _time(told["StartedAt"]) or ended.started_at
    if told.get("ExitCode", "").lstrip("-").isdigit():
        changed["exit_code"] = int(told["ExitCode"])
    state.terminated = ended.model_copy(update=changed)
    state.termination_reason = told.get("Reason") or (
        "Continued" if "ExitCode" in told else ended.reason
    )
    return state, entries


def _rest(entries: Sequence[RunResult]) -> str:
    kept = [
        {"key": e.key, "value": e.value, "type": int(e.kind)}
        for e in entries
        if e.kind is not ResultKind.INTERNAL
    ]
    return orjson.dumps(kept).decode() if kept else ""


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


# --- results --------------------------------------------------------------------------------------


def _take_results(
    state: StepState,
    entries: Sequence[RunResult],
    spec: TaskSpec,
    results: list[ResultValue],
    artifacts: Artifacts,
) -> None:
    """Sort what a step told into its own results, the task's, and artifacts."""
    own = next(
        (
            s.results
            for i, s in enumerate(spec.steps)
            if step_container(s.name, i) == state.container
        ),
        [],
    )
    step_specs, task_specs = {r.name: r for r in own}, {r.name: r for r in spec.results}
    lifted = _lifted(spec, state.name)
    for entry in entries:
        if entry.kind is ResultKind.TASK_RESULT and entry.key in task_specs:
            results.append(_result(entry, task_specs[entry.key]))
        elif entry.kind is ResultKind.STEP_RESULT and entry.key in step_specs:
            found = _result(entry, step_specs[entry.key])
            state.results.append(found)
            names = lifted.get(entry.key, ())
            results += [found.model_copy(update={"name": name}) for name in names]
        elif entry.kind in (ResultKind.STEP_ARTIFACTS, ResultKind.TASK_ARTIFACTS):
            parsed = _artifacts(entry.value)
            if entry.kind is ResultKind.STEP_ARTIFACTS:
                state.inputs, state.outputs = parsed.inputs, parsed.outputs
            artifacts.inputs += parsed.inputs
            artifacts.outputs += parsed.outputs


def _lifted(spec: TaskSpec, step: str) -> dict[str, list[str]]:
    """Results of a step that are results of the task: by the step's name, the task's names."""
    found: dict[str, list[str]] = {}
    for result in spec.results:
        reference = _LIFTED.fullmatch(result.value) if isinstance(result.value, str) else None
        if reference is not None and reference.group(1) == step:
            found.setdefault(reference.group(2), []).append(result.name)
    return found


def _result(entry: RunResult, spec: ResultSpec) -> ResultValue:
    """A result by the type that was declared; what does not parse stays text."""
    if spec.type in ("", ParamType.STRING):
        return ResultValue(name=entry.key, type=ParamType.STRING, value=entry.value)
    try:
        value = orjson.loads(entry.value)
    except ValueError:
        value = entry.value
    read = coerce_value(value)
    return ResultValue(name=entry.key, type=type_of(read), value=read)


def _artifacts(text: str) -> Artifacts:
    try:
        return Artifacts.from_wire(orjson.loads(text))
    except (ValueError, ValidationError, AttributeError, TypeError):
        return Artifacts()


def mistyped_results(results: Sequence[ResultValue], spec: TaskSpec) -> Failure | None:
    """A result that is not what was declared; None when all are."""
    specs = {r.name: r for r in spec.results}
    for result in results:
        declared = specs.get(result.name)
        wanted = (declared.type if declared is not None else "") or ParamType.STRING
        if result.type != wanted:
            text = f'"{result.name}": task result is expected to be "{wanted}" type but was'
            text += f' initialized to a different type "{result.type}"'
            return _invalid(f"Provided results don't match declared results; {text}")
        if declared is not None and isinstance(result.value, dict):
            missing = [key for key in declared.properties if key not in result.value]
            if missing:
                keys = " ".join(missing)
                return _invalid(
                    "missing keys for these results which are required in TaskResult's properties"
                    f" map[{result.name}:[{keys}]]"
                )
    return None


def _invalid(text: str) -> Failure:
    return Failure(TaskRunReason.VALIDATION_FAILED, text)


def too_large_result(status: TaskRunStatus, limit_bytes: int) -> str | None:
    """The name of a result that is larger than allowed; None when none is."""
    for result in status.results:
        value = result.value
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        if len(text.encode()) > limit_bytes:
            return result.name
    return None


# --- ends that are not the steps' own -------------------------------------------------------------


def end_steps(run: TaskRun, reason: TaskRunReason, now: datetime) -> None:
    """Have every step that has not ended show as ended with the run.

    A Pod that was made a moment ago has not told of them yet: they are those of the task.
    """
    status = run.status
    if not status.steps and status.task_spec is not None:
        names = [step_container(s.name, i) for i, s in enumerate(status.task_spec.steps)]
        status.steps = [
            StepState(
                name=name.removeprefix("step-"),
                container=name,
                waiting=ContainerStateWaiting(reason="PodInitializing"),
            )
            for name in names
        ]
    for step in status.steps:
        if step.running is None and step.waiting is None:
            continue
        begun = step.running.started_at if step.running is not None else None
        step.terminated = ContainerStateTerminated(
            exit_code=1,
            reason=str(reason),
            message=f"Step {step.name} terminated as pod {status.pod_name} is terminated",
            started_at=begun or run.metadata.creation_timestamp or now,
            finished_at=now,
        )
        step.termination_reason = str(reason)
        step.running = step.waiting = None


def begin_retry(run: TaskRun, now: datetime) -> None:
    """Put the attempt that failed on record, and begin another."""
    status = run.status
    message = status.message
    archived = status.deep_copy()
    archived.retries_status = []
    status.retries_status.append(archived)
    status.start_time = status.completion_time = None
    status.pod_name, status.task_spec, status.artifacts = "", None, None
    status.results, status.steps, status.sidecars = [], [], []
    status.mark_running(TaskRunReason.TO_BE_RETRIED, message, now)
