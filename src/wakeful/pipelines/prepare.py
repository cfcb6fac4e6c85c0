"""A pipeline as one PipelineRun carries it out: checked, and its variables replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from wakeful.apis.pipeline import (
    Param,
    PipelineRun,
    PipelineRunReason,
    PipelineSpec,
    PipelineTask,
    TaskSpec,
)
from wakeful.apis.pipeline.graph import Graph, InvalidGraphError, build_graph
from wakeful.apis.pipeline.references import ResultRef, results_in, results_of_task, texts_of_task
from wakeful.apis.pipeline.scalars import texts_of
from wakeful.pipelines.errors import RunFailedError, go_list, go_map, user_error
from wakeful.pipelines.params import (
    ParamError,
    check_task_params,
    effective_params,
    indexes_out_of_bounds,
    missing_keys,
    missing_params,
    mistyped_params,
    outside_enum,
    replacements_of,
)
from wakeful.pipelines.state import Limits, TaskState
from wakeful.pipelines.substitution import Replacements
from wakeful.pipelines.tasks import coerce_old_values, replace_in_task

_SPEC_FIELDS = frozenset(("name", "task_spec", "pipeline_spec", "run_after", "legacy"))
"""Fields of a pipeline task that no variable of the pipeline reaches, or that need more care."""


def graph_of(run: PipelineRun, spec: PipelineSpec) -> Graph:
    """Who waits for whom.

    Raises:
        RunFailedError: Tasks wait in a circle, or for one that does not exist.
    """
    where = f"PipelineRun {run.metadata.namespace}/{run.metadata.name}'s Pipeline DAG is invalid"
    try:
        graph = build_graph(spec.tasks)
    except InvalidGraphError as err:
        raise RunFailedError(
            PipelineRunReason.INVALID_GRAPH, f"{where}: {user_error(str(err))}"
        ) from err
    try:
        build_graph(spec.finally_, edges=False)
    except InvalidGraphError as err:
        raise RunFailedError(
            PipelineRunReason.INVALID_GRAPH,
            f"{where} for finally clause: {user_error(str(err))}",
        ) from err
    return graph


def limits_of(run: PipelineRun, default: timedelta) -> Limits:
    """How long the run and its parts may take; ``default`` comes from ``config-defaults``."""
    return Limits(
        pipeline=run.pipeline_timeout(default),
        tasks=run.tasks_timeout(),
        finally_=run.finally_timeout(),
        default=default,
    )


# --- what is wrong, before anything is replaced ---------------------------------------------------


def check_pipeline_run(run: PipelineRun, spec: PipelineSpec, pipeline_name: str) -> None:
    """Check a run against the pipeline it is to carry out.

    Raises:
        RunFailedError: With upstream's reasons and words.
    """
    namespace, name = run.metadata.namespace, run.metadata.name
    this = f"PipelineRun {namespace}/{name}"
    that = f"Pipeline {namespace}/{pipeline_name}"
    _check_given_params(run, spec, this, that)
    _check_workspaces(run, spec, this, that)
    _check_task_run_specs(run, spec, this)


def _check_given_params(run: PipelineRun, spec: PipelineSpec, this: str, that: str) -> None:
    params = run.spec.params
    missing = missing_params(spec.params, [p.name for p in params])
    if missing:
        raise RunFailedError(
            PipelineRunReason.PARAMETER_MISSING,
            f"{this} is missing some parameters required by {that}: "
            + user_error(f"pipelineRun missing parameters: {go_list(missing)}"),
        )
    wrong = mistyped_params(spec.params, params)
    if wrong:
        raise RunFailedError(
            PipelineRunReason.PARAMETER_TYPE_MISMATCH,
            f"{this} parameters have mismatching types with {that}'s parameters: "
            + user_error(f"parameters have inconsistent types : {go_list(wrong)}"),
        )
    if text := outside_enum(spec.params, params):
        raise RunFailedError(
            PipelineRunReason.INVALID_PARAM_VALUE,
            f"{this} parameters have invalid value: {user_error(text)}",
        )
    keys = missing_keys(spec.params, params)
    if keys:
        raise RunFailedError(
            PipelineRunReason.OBJECT_PARAMETER_MISS_KEYS,
            f"{this} parameters is missing object keys required by {that}'s parameters: "
            + user_error(f"pipelineRun missing object keys for parameters: {go_map(keys)}"),
        )
    bad = indexes_out_of_bounds(spec.params, params, _texts_of_tasks(spec))
    if bad:
        raise RunFailedError(
            PipelineRunReason.PARAM_ARRAY_INDEXING_INVALID,
            f"{this} failed validation: failed to validate {that}'s parameter which has an invalid"
            " index while referring to an array: "
            + user_error(f"non-existent param references:{go_list(bad)}"),
        )


def _check_task_run_specs(run: PipelineRun, spec: PipelineSpec, this: str) -> None:
    known = {t.name for t in (*spec.tasks, *spec.finally_)}
    for own in run.spec.task_run_specs:
        if own.pipeline_task_name not in known:
            raise RunFailedError(
                PipelineRunReason.INVALID_TASK_RUN_SPECS,
                f"{this} doesn't define taskRunSpecs correctly: "
                + user_error(
                    "pipelineRun's taskrunSpecs defined wrong taskName:"
                    f' "{own.pipeline_task_name}", does not exist in Pipeline'
                ),
            )


def _check_workspaces(run: PipelineRun, spec: PipelineSpec, this: str, that: str) -> None:
    bound = {b.name for b in run.spec.workspaces}
    for workspace in spec.workspaces:
        if not workspace.optional and workspace.name not in bound:
            raise RunFailedError(
                PipelineRunReason.INVALID_WORKSPACE_BINDINGS,
                f"{this} doesn't bind {that}'s Workspaces correctly: "
                + user_error(
                    f'pipeline requires workspace with name "{workspace.name}" be provided by'
                    " pipelinerun"
                ),
            )


# --- variables ------------------------------------------------------------------------------------


def resolve_pipeline(run: PipelineRun, spec: PipelineSpec, pipeline_name: str) -> PipelineSpec:
    """Replace the run's parameters and contexts everywhere, in embedded tasks too.

    What depends on other tasks stays: results, statuses, lengths of matrices.

    Raises:
        RunFailedError: Defaults refer to each other in a circle.
    """
    context = context_replacements(run, pipeline_name)
    try:
        params = effective_params(spec.params, run.spec.params, context)
    except ParamError as err:
        raise RunFailedError(
            PipelineRunReason.VALIDATION_FAILED,
            f"Failed to apply parameters to Pipeline {run.metadata.namespace}/{pipeline_name}: "
            + user_error(str(err)),
        ) from err
    table = replacements_of(params, in_task=False)
    outer = {p.name for p in params}
    bound = {b.name for b in run.spec.workspaces}
    names = bound | {w.name for w in spec.workspaces}
    later = Replacements(
        {f"workspaces.{name}.bound": "true" if name in bound else "false" for name in names}
    )

    def resolve(task: PipelineTask) -> PipelineTask:
        done = _replace_in_pipeline_task(task, table, outer)
        return replace_in_pipeline_task(replace_in_pipeline_task(done, context), later)

    made = {
        "tasks": [resolve(task) for task in spec.tasks],
        "finally_": [resolve(task) for task in spec.finally_],
    }
    return spec.model_copy(update=made).deep_copy()


def context_replacements(run: PipelineRun, pipeline_name: str) -> Replacements:
    """``$(context.pipelineRun.…)`` and ``$(context.pipeline.name)``."""
    meta = run.metadata
    return Replacements(
        {
            "context.pipelineRun.name": meta.name,
            "context.pipelineRun.namespace": meta.namespace,
            "context.pipelineRun.uid": meta.uid,
            "context.pipeline.name": pipeline_name,
        }
    )


def replace_in_pipeline_task(task: PipelineTask, table: Replacements) -> PipelineTask:
    """A pipeline task with variables replaced, in its embedded task too."""
    done = table.model(task, but=_SPEC_FIELDS)
    if done.task_spec is None:
        return done
    return _with_spec(done, table)


def _with_spec(task: PipelineTask, table: Replacements) -> PipelineTask:
    assert task.task_spec is not None
    spec = replace_in_task(task.task_spec, table)
    return task if spec is task.task_spec else task.model_copy(update={"task_spec": spec})


def _replace_in_pipeline_task(
    task: PipelineTask, table: Replacements, outer: set[str]
) -> PipelineTask:
    """The same for parameters: what the task is given hides what the run is given."""
    done = table.model(task, but=_SPEC_FIELDS)
    if done.task_spec is None:
        return done
    own = [p for p in done.params if p.name in outer]
    inner = table | replacements_of(own, in_task=False)
    if done.matrix is not None:
        inner = _hide(inner, [p.name for p in done.matrix.all_params])
    return _with_spec(done, inner)


def _hide(table: Replacements, names: Sequence[str]) -> Replacements:
    """The table without what a task's matrix decides row by row."""
    hidden = replacements_of([Param(name=n, value="") for n in names], in_task=False).strings
    return Replacements(
        {k: v for k, v in table.strings.items() if k not in hidden},
        {k: v for k, v in table.arrays.items() if k not in hidden},
        table.objects,
    )


# --- what is wrong, once the tasks are known ------------------------------------------------------


def check_tasks(run: PipelineRun, spec: PipelineSpec, states: Sequence[TaskState]) -> None:
    """Check every task's parameters, results and workspaces before the first one starts.

    Raises:
        RunFailedError: With upstream's reasons and words.
    """
    by_name = {s.name: s for s in states}
    for state in states:
        _check_params(run, state)
    for state in states:
        for ref in results_of_task(state.task):
            if text := _result_fault(ref, by_name):
                raise RunFailedError(
                    PipelineRunReason.INVALID_TASK_RESULT_REFERENCE,
                    user_error(f'invalid result reference in pipeline task "{state.name}": {text}'),
                )
    for result in spec.results:
        for ref in results_in(texts_of(result.value), "tasks", "finally"):
            if text := _result_fault(ref, by_name):
                raise RunFailedError(
                    PipelineRunReason.INVALID_PIPELINE_RESULT_REFERENCE,
                    f'Failed to resolve pipeline result reference for "{run.metadata.name}" with'
                    f' error invalid pipeline result "{result.name}": {text}',
                )
    _check_optional_workspaces(spec, states)


def _check_params(run: PipelineRun, state: TaskState) -> None:
    if state.spec is None or state.kind != "TaskRun":
        return
    matrix = state.task.matrix.all_params if state.task.matrix is not None else []
    given = coerce_old_values(state.spec, state.task.params)
    try:
        check_task_params(state.spec.params, given, matrix, enums=False)
    except ParamError as err:
        raise RunFailedError(
            PipelineRunReason.VALIDATION_FAILED,
            f"Validation failed for pipelinerun {run.metadata.name} with error "
            + user_error(f"invalid input params for task {state.task_name}: {err}"),
        ) from err


def _result_fault(ref: ResultRef, states: Mapping[str, TaskState]) -> str:
    state = states.get(ref.owner)
    if state is None:
        return f'referenced pipeline task "{ref.owner}" does not exist'
    if state.kind == "CustomRun":
        return ""
    if state.kind == "PipelineRun" or state.spec is None:
        return (
            f'unable to validate result referencing pipeline task "{ref.owner}":'
            " task spec not found"
        )
    if any(r.name == ref.result for r in state.spec.results):
        return ""
    return f'"{ref.result}" is not a named result returned by pipeline task "{ref.owner}"'


def _check_optional_workspaces(spec: PipelineSpec, states: Sequence[TaskState]) -> None:
    optional = {w.name for w in spec.workspaces if w.optional}
    for state in states:
        needs = _required_workspaces(state.spec)
        for binding in state.task.workspaces:
            if binding.workspace in optional and binding.name in needs:
                raise RunFailedError(
                    PipelineRunReason.REQUIRED_WORKSPACE_MARKED_OPTIONAL,
                    "Optional workspace not supported by task: "
                    + user_error(
                        f'pipeline workspace "{binding.workspace}" is marked optional but pipeline'
                        f' task "{state.name}" requires it be provided'
                    ),
                )


def _required_workspaces(spec: TaskSpec | None) -> set[str]:
    return {w.name for w in spec.workspaces if not w.optional} if spec is not None else set()


def _texts_of_tasks(spec: PipelineSpec) -> Iterator[str]:
    for task in (*spec.tasks, *spec.finally_):
        yield from texts_of_task(task)
