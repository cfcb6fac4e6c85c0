"""What a PipelineRun does next: a pure decision over its tasks, their runs and the time.

The reconciler looks up the pipeline, its tasks and the runs that exist, asks :func:`decide`, and
does what the :class:`Decision` says: create runs, end runs, write the status. Nothing is kept in
between, so a control plane that was killed goes on where the objects say it was.

Order of use, for each look at a run::

    graph = prepare.graph_of(run, spec)
    prepare.check_pipeline_run(run, spec, pipeline_name)        # first look only
    resolved = prepare.resolve_pipeline(run, spec, pipeline_name)
    states = [TaskState(task, spec of its Task, its runs) for each of resolved.tasks + .finally_]
    prepare.check_tasks(run, resolved, states)                   # before the first run starts
    decision = decide(RunState(run, states, graph, prepare.limits_of(run, default), now))

Every function may raise :class:`.errors.RunFailedError`, which ends the run with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from posixpath import join

from wakeful.apimachinery.conditions import FALSE, UNKNOWN
from wakeful.apis.core.pod_types import PersistentVolumeClaimVolumeSource
from wakeful.apis.pipeline import (
    Param,
    PipelineRunReason,
    PipelineTask,
    SkippedTask,
    SkippingReason,
    TaskSpec,
    WorkspaceBinding,
    WorkspacePipelineTaskBinding,
)
from wakeful.apis.pipeline.register import CANCELLED_BY_PIPELINE, TIMED_OUT_BY_PIPELINE
from wakeful.pipelines import counting, matrix
from wakeful.pipelines.childreferences import child_references
from wakeful.pipelines.decision import Decision, Start, Stop
from wakeful.pipelines.errors import RunFailedError, user_error
from wakeful.pipelines.legacy import bindings_of_task, taken_from
from wakeful.pipelines.names import claim_name, run_names
from wakeful.pipelines.params import replacements_of
from wakeful.pipelines.prepare import context_replacements
from wakeful.pipelines.results import (
    MissingResultError,
    pipeline_results,
    replacements_of_results,
    results_of,
)
from wakeful.pipelines.skipping import Skipping
from wakeful.pipelines.state import PIPELINE_RUN, Child, RunState, TaskState
from wakeful.pipelines.tasks import replace_in_bindings, workspaces_used

NONE = SkippingReason.NONE
DEFAULT_MAX_ROWS = 256
"""``default-max-matrix-combinations-count``."""


def decide(state: RunState, *, max_rows: int = DEFAULT_MAX_ROWS) -> Decision:
    """Say what a PipelineRun does next.

    Raises:
        RunFailedError: It cannot go on.
    """
    if state.run.is_cancelled:
        return _cancelled(state)
    return _Scheduler(state, max_rows).decide()


def _cancelled(state: RunState) -> Decision:
    """Everything ends at once, final tasks do not run."""
    return Decision(
        status=FALSE,
        reason=PipelineRunReason.CANCELLED,
        message=f'PipelineRun "{state.run.metadata.name}" was cancelled',
        stop=_stops(state.states, CANCELLED_BY_PIPELINE),
        skipped=list(state.run.status.skipped_tasks),
        children=child_references(state, Skipping(state), []),
        results=None,
        finally_start_time=state.run.status.finally_start_time,
    )


class _Scheduler:
    """One decision under way."""

    def __init__(self, state: RunState, max_rows: int) -> None:
        self._state, self._run, self._max_rows = state, state.run, max_rows
        self._skipping = Skipping(state)
        self._taken = taken_from(s.task for s in state.states)
        self._made = Decision(finally_start_time=state.run.status.finally_start_time)

    def decide(self) -> Decision:
        state, made = self._state, self._made
        self._stop_what_must()
        chosen = self._next_tasks()
        final = self._next_final_tasks()
        if final or any(self._skipping.is_scheduled(s) for s in state.final_states):
            made.finally_start_time = made.finally_start_time or state.now
        for task in (*chosen, *final):
            made.start += self._starts(task)
            self._skipping.started.add(task.name)
        self._skipping.forget()
        verdict = counting.verdict(state, self._skipping)
        made.status, made.reason, made.message = verdict
        made.skipped = self._skipped()
        made.children = child_references(state, self._skipping, made.start)
        made.failed_validation = dict(state.failed_validation)
        if made.status != UNKNOWN:
            self._finish()
        made.requeue_after = None if made.status != UNKNOWN else self._next_timeout()
        return made

    # --- ending runs ------------------------------------------------------------------------------

    def _stop_what_must(self) -> None:
        state = self._state
        if state.has_timed_out:
            self._made.stop = _stops(state.states, TIMED_OUT_BY_PIPELINE)
            return
        if self._run.is_gracefully_cancelled:
            self._made.stop = _stops(state.dag_states, CANCELLED_BY_PIPELINE)
        if self._run.status.finally_start_time is None and state.have_tasks_timed_out:
            self._made.stop += _stops(state.dag_states, TIMED_OUT_BY_PIPELINE)
        elif state.has_finally_timed_out:
            self._made.stop += _stops(state.final_states, TIMED_OUT_BY_PIPELINE)

    # --- starting runs ----------------------------------------------------------------------------

    def _next_tasks(self) -> list[TaskState]:
        """Tasks that are ready; none once one of them turns out to lack a result."""
        state, skipping = self._state, self._skipping
        if state.is_stopping or self._run.is_gracefully_stopped:
            return []
        if self._run.is_gracefully_cancelled or state.has_timed_out:
            return []
        done = [s.name for s in state.dag_states if skipping.is_done(s)]
        ready = state.graph.ready(done)
        chosen = [
            s
            for s in state.dag_states
            if s.name in ready and not s.is_scheduled and skipping.reason(s) == NONE
        ]
        for task in chosen:
            fault = skipping.fault(task)
            if fault is None:
                continue
            if not isinstance(fault, MissingResultError):
                raise RunFailedError(
                    PipelineRunReason.VALIDATION_FAILED,
                    f"PipelineRun {self._run.key} can't be Run; couldn't resolve all references: "
                    + user_error(str(fault)),
                )
            state.failed_validation[task.name] = str(fault)
        if state.failed_validation:
            skipping.forget()
            return []
        return chosen

    def _next_final_tasks(self) -> list[TaskState]:
        skipping = self._skipping
        if self._state.has_timed_out or not skipping.are_tasks_done:
            return []
        return [
            s
            for s in self._state.final_states
            if not s.is_scheduled and skipping.final_reason(s) == NONE
        ]

    def _starts(self, state: TaskState) -> list[Start]:
        task = self._skipping.task(state)
        rows: list[list[Param]] = [[]]
        if task.is_matrixed and task.matrix is not None:
            if fault := matrix.mistyped(task):
                raise RunFailedError(
                    PipelineRunReason.INVALID_MATRIX_PARAMETER_TYPES,
                    f'Failed to validate matrix "{self._run.metadata.name}" with error '
                    + user_error(fault),
                )
            if (count := matrix.count_rows(task.matrix)) > self._max_rows:
                raise RunFailedError(
                    PipelineRunReason.VALIDATION_FAILED,
                    user_error(f"expected 0 <= {count} <= {self._max_rows}: {state.name}.matrix"),
                )
            rows = matrix.rows_of(task.matrix)
        names = run_names(self._run.metadata.name, state.name, len(rows))
        workspaces = self._workspaces(state, task)
        embedded = _embedded(task)
        return [
            Start(
                kind=state.kind,
                name=name,
                task=task,
                params=[*row, *task.params],
                workspaces=[w.deep_copy() for w in workspaces],
                timeout=self._timeout(state, task),
                is_final=self._state.is_final(state),
                task_spec=embedded.deep_copy() if embedded is not None else None,
                resources=bindings_of_task(task, self._run, self._taken),
            )
            for name, row in zip(names, rows, strict=True)
        ]

    def _timeout(self, state: TaskState, task: PipelineTask) -> timedelta | None:
        """The run's setting for the task, else the task's own, else the whole's if it is longer."""
        own = self._run.task_run_spec(state.name).timeout
        if own is not None:
            return own
        if task.timeout is not None:
            return task.timeout
        limits = self._state.limits
        limit = limits.finally_ if self._state.is_final(state) else limits.tasks
        if limit is None or (limit and limit <= limits.default):
            return None
        return limit

    def _workspaces(self, state: TaskState, task: PipelineTask) -> list[WorkspaceBinding]:
        bindings = list(task.workspaces)
        if task.task_spec is not None:
            given = {b.name for b in bindings}
            bindings += [
                WorkspacePipelineTaskBinding(name=name)
                for name in workspaces_used(task.task_spec)
                if name not in given
            ]
        if not bindings:
            return []
        sources = {b.name: b for b in self._bound}
        optional = {w.name for w in state.spec.workspaces if w.optional} if state.spec else set()
        found = []
        for binding in bindings:
            source = sources.get(binding.source)
            if source is not None:
                found.append(_bind(binding, source, self._run.metadata.uid))
            elif binding.name not in optional and state.kind != PIPELINE_RUN:
                raise RunFailedError(
                    PipelineRunReason.CREATE_RUN_FAILED,
                    user_error(
                        f'expected workspace "{binding.source}" to be provided by pipelinerun for'
                        f' pipeline task "{state.name}"'
                    ),
                )
        context = context_replacements(self._run, _pipeline_name(self._state))
        return [context.model(b, but=frozenset(("name",))) for b in found]

    @cached_property
    def _bound(self) -> list[WorkspaceBinding]:
        """The run's workspaces, with its parameters and results of ended tasks replaced."""
        table = replacements_of(self._run.spec.params, in_task=False)
        for state in self._state.states:
            if results := results_of(state):
                table |= replacements_of_results(state.name, results)
        return replace_in_bindings(self._run.spec.workspaces, table)

    # --- the account ------------------------------------------------------------------------------

    def _skipped(self) -> list[SkippedTask]:
        found = []
        for state in self._state.states:
            is_final = self._state.is_final(state)
            ask = self._skipping.final_reason if is_final else self._skipping.reason
            reason = ask(state)
            if reason == NONE:
                continue
            shows_when = not is_final or reason == SkippingReason.WHEN_EXPRESSIONS
            found.append(
                SkippedTask(
                    name=state.name,
                    reason=str(reason),
                    when_expressions=self._skipping.task(state).when if shows_when else [],
                )
            )
        return found

    def _finish(self) -> None:
        made, state = self._made, self._state
        spec = self._run.status.pipeline_spec or self._run.spec.pipeline_spec
        declared = spec.results if spec is not None else []
        finals = [s.name for s in state.final_states]
        made.results, problem = pipeline_results(declared, state.by_name, finals)
        if problem:
            made.status, made.reason = FALSE, PipelineRunReason.COULDNT_GET_PIPELINE_RESULT
            made.message = (
                "Failed to get PipelineResult from TaskRun Results for PipelineRun"
                f" {self._run.metadata.name}: {problem}"
            )

    def _next_timeout(self) -> timedelta | None:
        run, limits, now = self._run, self._state.limits, self._state.now
        due = []
        for start, limit in (
            (run.status.start_time, limits.pipeline),
            (run.status.start_time, limits.tasks),
            (self._made.finally_start_time, limits.finally_),
        ):
            if start is not None and limit:
                left = limit - (now - start)
                if left >= timedelta():
                    due.append(left)
        return min(due) + timedelta(milliseconds=1) if due else None


def _stops(states: Sequence[TaskState], message: str) -> list[Stop]:
    return [
        Stop(state.kind, child.metadata.name, message.format(kind=state.kind))
        for state in states
        for child in state.children
        if not child.status.is_done and not _is_asked_to_stop(child)
    ]


def _is_asked_to_stop(child: Child) -> bool:
    return child.spec.status in ("TaskRunCancelled", "RunCancelled", "Cancelled")


def _embedded(task: PipelineTask) -> TaskSpec | None:
    if task.task_spec is None or task.task_spec.is_custom:
        return None
    fields = {name: getattr(task.task_spec, name) for name in TaskSpec.model_fields}
    return TaskSpec.model_construct(**fields)


def _bind(
    binding: WorkspacePipelineTaskBinding, source: WorkspaceBinding, uid: str
) -> WorkspaceBinding:
    """The pipeline's workspace under the task's name; a template is the claim made of it."""
    changed: dict[str, object] = {
        "name": binding.name,
        "sub_path": join(source.sub_path, binding.sub_path)
        if binding.sub_path
        else source.sub_path,
    }
    template = source.volume_claim_template
    if template is not None:
        changed["volume_claim_template"] = None
        changed["persistent_volume_claim"] = PersistentVolumeClaimVolumeSource(
            claim_name=claim_name(template.metadata.name, source.name, uid)
        )
    return source.deep_copy().model_copy(update=changed)


def _pipeline_name(state: RunState) -> str:
    ref = state.run.spec.pipeline_ref
    return ref.name if ref is not None and ref.name else state.run.metadata.name
