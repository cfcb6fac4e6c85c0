"""Results: what tasks yielded, handing it on, and what pipelines make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import orjson

from wakeful.apis.pipeline import (
    CustomRun,
    PipelineResult,
    PipelineRunResult,
    PipelineTask,
    TaskRun,
)
from wakeful.apis.pipeline.references import (
    ResultRef,
    parse_result,
    results_of_task,
    variables_in,
)
from wakeful.apis.pipeline.scalars import texts_of
from wakeful.pipelines.errors import go_list
from wakeful.pipelines.state import TaskState
from wakeful.pipelines.substitution import Replacements, Value

T = TypeVar("T")

STATUS_NONE, STATUS_SUCCEEDED, STATUS_FAILED, STATUS_COMPLETED = (
    "None",
    "Succeeded",
    "Failed",
    "Completed",
)


class ResultError(ValueError):
    """A result that is needed does not exist, or is not what it should be."""


class MissingResultError(ResultError):
    """A task refers to a result its producer never wrote.

    ``producer`` names the task, which may have been skipped or may have failed.
    """

    def __init__(self, message: str, producer: str) -> None:
        super().__init__(message)
        self.producer = producer


# --- what a task yielded --------------------------------------------------------------------------


def results_of(state: TaskState) -> dict[str, Value]:
    """Results of a task that ended, by name; of a matrix, lists in the order of its rows."""
    if not (state.is_successful or state.is_failure):
        return {}
    if state.task.is_matrixed:
        return dict(_aggregated(state))
    if state.kind == "CustomRun":
        run = state.children[0]
        assert isinstance(run, CustomRun)
        return {r.name: _custom_value(r.value) for r in run.status.results}
    if state.kind == "TaskRun":
        task_run = state.children[0]
        assert isinstance(task_run, TaskRun)
        return {r.name: r.value for r in task_run.status.results}
    return {}


def _aggregated(state: TaskState) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for run in state.children:
        if isinstance(run, TaskRun):
            for result in run.status.results:
                if isinstance(result.value, str):
                    found.setdefault(result.name, []).append(result.value)
        elif isinstance(run, CustomRun):
            for custom in run.status.results:
                found.setdefault(custom.name, []).append(custom.value)
    return found


def _custom_value(text: str) -> Value:
    """Custom tasks have text only; a list of texts in JSON counts as a list."""
    if not text.startswith("["):
        return text
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if isinstance(items, list) and items and all(isinstance(i, str) for i in items):
        return items
    return text


def _forms(task: str, result: str, kind: str = "tasks") -> list[str]:
    head = f"{kind}.{task}.results"
    return [f"{head}.{result}", f'{head}["{result}"]', f"{head}['{result}']"]


def replacements_of_results(task: str, results: Mapping[str, Value]) -> Replacements:
    """Every variable that stands for one of a task's results or a part of it."""
    strings: dict[str, str] = {}
    arrays: dict[str, list[str]] = {}
    objects: dict[str, Mapping[str, str]] = {}
    for name, value in results.items():
        for form in _forms(task, name):
            if isinstance(value, list):
                arrays[form] = value
                strings.update((f"{form}[{i}]", item) for i, item in enumerate(value))
            elif isinstance(value, dict):
                objects[form] = value
                strings.update((f"{form}.{key}", member) for key, member in value.items())
                strings.update((f"{form}[{key}]", member) for key, member in value.items())
            else:
                strings[form] = value
    return Replacements(strings, arrays, objects)


def needed_results(
    task: PipelineTask, states: Mapping[str, TaskState], *, others: Iterable[ResultRef] = ()
) -> Replacements:
    """Values for every result a task refers to.

    Raises:
        MissingResultError: One of them was not written.
        ResultError: A list is shorter than an index.
    """
    table = Replacements()
    taken: set[str] = set()
    for ref in [*results_of_task(task), *others]:
        state = states.get(ref.owner)
        if state is None:
            raise MissingResultError(
                f'could not find task "{ref.owner}" referenced by result', ref.owner
            )
        results = results_of(state)
        if not (state.is_successful or state.is_failure):
            raise MissingResultError(
                f'task "{ref.owner}" referenced by result was not finished', ref.owner
            )
        if ref.result not in results:
            raise MissingResultError(_not_found(ref, task, state), ref.owner)
        value = results[ref.result]
        if isinstance(value, list) and ref.index is not None and ref.index >= len(value):
            raise ResultError(
                f"array Result Index {ref.index} for Task {ref.owner} Result {ref.result} is out of"
                f" bound of size {len(value)}"
            )
        if ref.owner not in taken:
            taken.add(ref.owner)
            table |= replacements_of_results(ref.owner, results)
    return table


def _not_found(ref: ResultRef, task: PipelineTask, state: TaskState) -> str:
    if state.is_successful:
        return (
            f'task "{ref.owner}" completed successfully but did not emit the result "{ref.result}",'
            f' which is referenced by task "{task.name}"'
        )
    return (
        f"[User error] Invalid task result reference: Could not find result with name {ref.result}"
        f" for pipeline task {ref.owner}"
    )


# --- what a pipeline yields -----------------------------------------------------------------------


def pipeline_results(
    declared: Sequence[PipelineResult],
    states: Mapping[str, TaskState],
    final: Iterable[str] = (),
) -> tuple[list[PipelineRunResult], str]:
    """Results of the whole, and which could not be made although their tasks ended well.

    Results that need a task that failed or was skipped are left out without a word.
    """
    finals = set(final)
    found: list[PipelineRunResult] = []
    invalid: list[str] = []
    for result in declared:
        variables = [v for text in texts_of(result.value) for v in variables_in(text)]
        if not variables:
            continue
        table, is_whole = Replacements(), True
        for variable in variables:
            part, problem = _value_of(variable, states, finals)
            if part is None:
                is_whole = False
                if problem:
                    invalid.append(result.name)
                continue
            table |= part
        if is_whole:
            found.append(PipelineRunResult(name=result.name, value=table.value(result.value)))
    if not invalid:
        return found, ""
    return found, (
        f"invalid pipelineresults {go_list(invalid)}, the referenced results don't exist"
    )


def _value_of(
    variable: str, states: Mapping[str, TaskState], finals: set[str]
) -> tuple[Replacements | None, bool]:
    """What a variable stands for; else None, and whether that is a mistake."""
    ref = parse_result(variable)
    if ref is None or ref.kind == "steps":
        return None, True
    state = states.get(ref.owner)
    if state is None or (ref.kind == "finally") != (ref.owner in finals):
        return None, True
    results = results_of(state)
    value = results.get(ref.result)
    if value is None:
        return None, state.is_successful
    if ref.key and not (isinstance(value, dict) and ref.key in value):
        return None, True
    if ref.index is not None and not (isinstance(value, list) and ref.index < len(value)):
        return None, True
    table = replacements_of_results(ref.owner, {ref.result: value})
    if ref.kind == "finally":
        table = _as_final(table)
    return table, False


def _as_final(table: Replacements) -> Replacements:
    def renamed(items: Mapping[str, T]) -> dict[str, T]:
        return {"finally" + key.removeprefix("tasks"): value for key, value in items.items()}

    return Replacements(renamed(table.strings), renamed(table.arrays), renamed(table.objects))
