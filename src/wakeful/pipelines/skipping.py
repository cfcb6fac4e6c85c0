"""Which tasks of a PipelineRun will never run, and why; which variables the others have by now."""

from __future__ import annotations

import orjson

from wakeful.apis.pipeline import PipelineRunReason, PipelineTask, SkippingReason, TaskRun
from wakeful.apis.pipeline.references import texts_of_params, variables_in
from wakeful.pipelines import matrix
from wakeful.pipelines.cel import CELError
from wakeful.pipelines.errors import RunFailedError, user_error
from wakeful.pipelines.prepare import replace_in_pipeline_task
from wakeful.pipelines.results import (
    STATUS_COMPLETED,
    STATUS_FAILED,
    STATUS_NONE,
    STATUS_SUCCEEDED,
    MissingResultError,
    ResultError,
    needed_results,
    results_of,
)
from wakeful.pipelines.state import RunState, TaskState
from wakeful.pipelines.substitution import Replacements
from wakeful.pipelines.when import allows

NONE = SkippingReason.NONE


class Skipping:
    """Answers about one moment of one run; every answer is found once."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._by_name = state.by_name
        self._order = [n for n in state.graph.in_order() if n in self._by_name]
        self._reasons: dict[str, SkippingReason] = {}
        self._resolved: dict[str, PipelineTask | ResultError] = {}
        self._bases: dict[str, PipelineTask] = {}
        self._artifacts = Replacements(
            {k: v for s in state.states for k, v in artifact_variables(s).items()}
        )
        self._is_stopping = state.is_stopping
        self.started: set[str] = set()
        """Tasks that are given runs right now."""

    # --- is it done? ------------------------------------------------------------------------------

    def is_scheduled(self, state: TaskState) -> bool:
        """Whether a task has runs, or is given some right now."""
        return state.is_scheduled or state.name in self.started

    def is_done(self, state: TaskState) -> bool:
        """Whether nothing more will happen to a task that is not final."""
        return (
            state.is_successful
            or state.is_failure
            or state.name in self._state.failed_validation
            or self.reason(state) != NONE
        )

    @property
    def are_tasks_done(self) -> bool:
        """Whether nothing more will happen to any task that is not final."""
        return all(self.is_done(s) for s in self._state.dag_states)

    @property
    def are_final_tasks_done(self) -> bool:
        """Whether nothing more will happen to the final tasks."""
        return all(
            s.is_successful or s.is_failure or self.final_reason(s) != NONE
            for s in self._state.final_states
        )

    def forget(self) -> None:
        """Look again: something was found out or started."""
        self._reasons.clear()
        self._resolved.clear()
        self._is_stopping = self._state.is_stopping

    # --- why not ----------------------------------------------------------------------------------

    def reason(self, state: TaskState) -> SkippingReason:
        """Why a task that is not final never runs; NONE while it may."""
        if not self._reasons:
            self._find_reasons()
        return self._reasons.get(state.name, NONE)

    def _find_reasons(self) -> None:
        """Parents first, so that nobody asks about a task before its answer is known."""
        for name in self._order:
            self._reasons[name] = self._reason(self._by_name[name])

    def _reason(self, task: TaskState) -> SkippingReason:
        state, run = self._state, self._state.run
        if state.is_final(task) or self.is_scheduled(task) or task.name in state.failed_validation:
            return NONE
        if self._is_stopping:
            return SkippingReason.STOPPING
        if run.is_gracefully_cancelled:
            return SkippingReason.GRACEFULLY_CANCELLED
        if run.is_gracefully_stopped:
            return SkippingReason.GRACEFULLY_STOPPED
        are_parents_done = self.are_parents_done(task)
        if are_parents_done and not self._when_allows(task):
            return SkippingReason.WHEN_EXPRESSIONS
        if self._is_parent_skipped(task):
            return SkippingReason.PARENT_TASKS
        if not are_parents_done:
            return NONE
        if self._misses_results(task):
            return SkippingReason.MISSING_RESULTS
        if state.has_timed_out:
            return SkippingReason.PIPELINE_TIMED_OUT
        if state.have_tasks_timed_out:
            return SkippingReason.TASKS_TIMED_OUT
        if matrix.has_empty_array(self.task(task)):
            return SkippingReason.EMPTY_MATRIX
        return NONE

    def final_reason(self, task: TaskState) -> SkippingReason:
        """Why a final task never runs; NONE while it may, and for others."""
        state = self._state
        if not state.is_final(task) or self.is_scheduled(task) or not self.are_tasks_done:
            return NONE
        if self._misses_results(task):
            return SkippingReason.MISSING_RESULTS
        if not self._when_allows(task):
            return SkippingReason.WHEN_EXPRESSIONS
        if state.has_timed_out:
            return SkippingReason.PIPELINE_TIMED_OUT
        if state.has_finally_timed_out:
            return SkippingReason.FINALLY_TIMED_OUT
        if matrix.has_empty_array(self.task(task)):
            return SkippingReason.EMPTY_MATRIX
        return NONE

    def are_parents_done(self, task: TaskState) -> bool:
        """Whether everything a task waits for has ended."""
        parents = self._state.graph.parents.get(task.name, ())
        return all(self.is_done(self._by_name[p]) for p in parents)

    def _is_parent_skipped(self, task: TaskState) -> bool:
        """A parent its own conditions kept from running does not keep its children."""
        return any(
            self.reason(self._by_name[parent]) not in (NONE, SkippingReason.WHEN_EXPRESSIONS)
            for parent in self._state.graph.parents.get(task.name, ())
        )

    def _when_allows(self, task: TaskState) -> bool:
        try:
            return allows(self.task(task).when)
        except CELError as err:
            raise RunFailedError(
                PipelineRunReason.CEL_EVALUATION_FAILED,
                f"Error evaluating CEL {self._state.run.metadata.name}: {user_error(str(err))}",
            ) from err

    def _misses_results(self, task: TaskState) -> bool:
        fault = self.fault(task)
        if not isinstance(fault, MissingResultError):
            return False
        producer = self._by_name.get(fault.producer)
        if producer is None:
            return False
        return (
            task.task.continues_on_error
            or self._state.is_final(task)
            or self.reason(producer) == SkippingReason.WHEN_EXPRESSIONS
        )

    # --- variables --------------------------------------------------------------------------------

    def task(self, task: TaskState) -> PipelineTask:
        """The task with results of others, statuses and lengths replaced, as far as they exist."""
        found = self._resolve(task)
        return self._bases[task.name] if isinstance(found, ResultError) else found

    def fault(self, task: TaskState) -> ResultError | None:
        """What is wrong with the results a task needs, judged when its parents are done."""
        found = self._resolve(task)
        return found if isinstance(found, ResultError) else None

    def _resolve(self, task: TaskState) -> PipelineTask | ResultError:
        if task.name not in self._resolved:
            self._resolved[task.name] = self._replaced(task)
        return self._resolved[task.name]

    def _replaced(self, task: TaskState) -> PipelineTask | ResultError:
        known = self._artifacts | Replacements(
            {"context.pipelineTask.retries": str(task.task.retries)}
        )
        if self._state.is_final(task):
            known |= self._statuses()
        elif any(w.input.endswith(".status)") for w in task.task.when):
            known |= self._statuses_of_parents(task)
        base = replace_in_pipeline_task(task.task, known | self._lengths(task))
        try:
            results = needed_results(task.task, self._by_name)
        except ResultError as err:
            self._bases[task.name] = base
            return err
        return replace_in_pipeline_task(base, results)

    def _statuses(self) -> Replacements:
        strings: dict[str, str] = {}
        for state in self._state.dag_states:
            strings[f"tasks.{state.name}.status"] = status_of(state)
            strings[f"tasks.{state.name}.reason"] = state.reason
        strings["tasks.status"] = self.aggregate_status
        return Replacements(strings)

    def _statuses_of_parents(self, task: TaskState) -> Replacements:
        """How checks and checked tasks ended, which only :mod:`.conditions` asks about."""
        parents = self._state.graph.parents.get(task.name, ())
        return Replacements(
            {f"tasks.{name}.status": status_of(self._by_name[name]) for name in parents}
        )

    @property
    def aggregate_status(self) -> str:
        """``$(tasks.status)``: of all tasks that are not final."""
        if not self.are_tasks_done:
            return STATUS_NONE
        if any(s.any_failed for s in self._state.dag_states):
            return STATUS_FAILED
        if any(self.reason(s) != NONE for s in self._state.dag_states):
            return STATUS_COMPLETED
        return STATUS_SUCCEEDED

    def _lengths(self, task: TaskState) -> Replacements:
        """``$(tasks.t.matrix.length)`` and ``$(tasks.t.matrix.r.length)``."""
        strings: dict[str, str] = {}
        params = [*task.task.params, *(task.task.matrix.all_params if task.task.matrix else ())]
        for text in texts_of_params(params):
            for variable in variables_in(text):
                parts = variable.split(".")
                if len(parts) not in (4, 5) or parts[0] != "tasks" or parts[-1] != "length":
                    continue
                producer = self._by_name.get(parts[1])
                if parts[2] != "matrix" or producer is None:
                    continue
                if len(parts) == 4:
                    strings[variable] = str(self._rows(producer))
                else:
                    value = results_of(producer).get(parts[3], [])
                    strings[variable] = str(len(value))
        return Replacements(strings)

    def _rows(self, producer: TaskState) -> int:
        if producer.children:
            return len(producer.children)
        resolved = self.task(producer).matrix
        return len(matrix.rows_of(resolved)) if resolved is not None else 0


def status_of(state: TaskState) -> str:
    """``$(tasks.t.status)``."""
    if state.is_successful:
        return STATUS_SUCCEEDED
    return STATUS_FAILED if state.any_failed else STATUS_NONE


def artifact_variables(state: TaskState) -> dict[str, str]:
    """Variables that stand for a task's artifacts, as the JSON of their values."""
    strings: dict[str, str] = {}
    for run in state.children if state.is_ended else ():
        artifacts = run.status.artifacts if isinstance(run, TaskRun) else None
        if artifacts is None:
            continue
        for kind, listed in (("inputs", artifacts.inputs), ("outputs", artifacts.outputs)):
            for artifact in listed:
                text = orjson.dumps([v.to_wire() for v in artifact.values]).decode()
                strings.setdefault(f"tasks.{state.name}.{kind}", text)
                strings[f"tasks.{state.name}.{kind}.{artifact.name}"] = text
    return strings
