"""Rules for Pipelines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline import variables
from wakeful.apis.pipeline.admission import Settings, load_settings, quote, validate_metadata
from wakeful.apis.pipeline.graph import InvalidGraphError, build_graph
from wakeful.apis.pipeline.legacy_validation import validate_resources
from wakeful.apis.pipeline.param_types import ParamSpec
from wakeful.apis.pipeline.param_validation import (
    Names,
    validate_enums,
    validate_no_duplicates,
    validate_types,
    validate_unique_params,
)
from wakeful.apis.pipeline.pipeline_types import (
    Pipeline,
    PipelineResult,
    PipelineSpec,
    PipelineTask,
)
from wakeful.apis.pipeline.pipelinetask_validation import (
    validate_matrix,
    validate_name,
    validate_param_variables,
    validate_pipeline_task,
    validate_prefixes,
    validate_workspaces,
)
from wakeful.apis.pipeline.references import (
    parse_result,
    results_of_task,
    texts_of_params,
    variables_in,
)
from wakeful.apis.pipeline.scalars import ParamType, texts_of
from wakeful.apis.pipeline.step_validation import validate_usage
from wakeful.apis.pipeline.when_validation import validate_when

_CONTEXTS = {
    r"context\.pipelineRun": ("name", "namespace", "uid"),
    r"context\.pipeline": ("name",),
    r"context\.pipelineTask": ("retries",),
}
Tasks = Sequence[PipelineTask]


def validate_pipeline(
    pipeline: Pipeline, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A Pipeline, which must be complete in itself."""
    del old
    if context.subresource:
        return []
    spec, settings = pipeline.spec, load_settings(context)
    errors = validate_metadata(pipeline)
    errors += under("spec", validate_pipeline_spec(spec, settings))
    names = Names.of(spec.params)
    workspaces = {w.name for w in spec.workspaces}
    for key, index, task in _all_tasks(spec):
        found = validate_param_variables(task, names)
        if task.task_spec is not None:
            found += validate_usage(task.task_spec.steps, [*task.task_spec.params, *spec.params])
        found += validate_workspaces(task, workspaces)
        errors += under("spec", under_index(key, index, found))
    return errors


def _all_tasks(spec: PipelineSpec) -> Iterator[tuple[str, int, PipelineTask]]:
    for key, tasks in (("tasks", spec.tasks), ("finally", spec.finally_)):
        for index, task in enumerate(tasks):
            yield key, index, task


def validate_pipeline_spec(spec: PipelineSpec, settings: Settings) -> FieldErrors:
    """The graph and its parts; embedded ones may use what surrounds them."""
    errors: FieldErrors = []
    if spec == PipelineSpec():
        paths = ("description", "params", "resources", "tasks", "workspaces")
        errors.append(FieldError("expected at least one, got none", paths))
    errors += _each_task(spec, settings)
    try:
        build_graph(spec.tasks)
    except InvalidGraphError as err:
        errors.append(invalid_value(str(err), "tasks"))
    errors += _param_faults(spec.params, settings)
    errors += _status_faults(spec)
    errors += _workspace_faults(spec)
    errors += _result_faults(spec)
    errors += _child_pipeline_results(spec)
    if spec.finally_ and not spec.tasks:
        text = f"spec.tasks is empty but spec.finally has {len(spec.finally_)} tasks"
        errors.append(invalid_value(text, "finally"))
    errors += _final_faults(spec)
    errors += _matrix_consumers(spec.tasks, "tasks")
    errors += _matrix_consumers(spec.finally_, "finally")
    return errors + validate_resources(spec)


def _each_task(spec: PipelineSpec, settings: Settings) -> FieldErrors:
    names: set[str] = set()
    errors: FieldErrors = []
    for key, index, task in _all_tasks(spec):
        found = validate_name(task)
        if task.name in names:
            found.append(FieldError("expected exactly one, got both", ("name",)))
        names.add(task.name)
        found += validate_pipeline_task(task, settings)
        if task.pipeline_spec is not None:
            inner = validate_pipeline_spec(task.pipeline_spec, settings)
            found += under("pipelineSpec", inner)
        found += under("params", validate_unique_params(task.params))
        found += _context_faults(task)
        found += validate_when(task.when, settings)
        found += validate_matrix(task, settings)
        found += validate_prefixes(task)
        errors += under_index(key, index, found)
    return errors


def _param_faults(specs: Sequence[ParamSpec], settings: Settings) -> FieldErrors:
    errors = under("params", validate_types(specs))
    errors += validate_no_duplicates(specs)
    return errors + under("params", validate_enums(specs, settings))


def _context_faults(task: PipelineTask) -> FieldErrors:
    params = [*task.params, *(task.matrix.all_params if task.matrix is not None else ())]
    return [
        error
        for text in texts_of_params(params)
        for prefix, names in _CONTEXTS.items()
        for error in variables.unknown(text, prefix, names, "value")
    ]


# --- statuses of other tasks ----------------------------------------------------------------------


def _expressions(task: PipelineTask) -> Iterator[tuple[list[str], str]]:
    """Names of the variables in parameters and conditions, with the path of each."""
    for param in task.params:
        names = [v for text in texts_of(param.value) for v in variables_in(text)]
        yield names, f"params[{param.name}].value"
    for index, when in enumerate(task.when):
        texts = (when.input, when.cel, *when.values)
        yield [v for text in texts for v in variables_in(text)], f"when[{index}]"


def _statuses(names: Sequence[str]) -> list[str]:
    """Tasks whose status or reason is used; empty text for that of all."""
    if any(parse_result(n) is not None for n in names):
        return []
    found = []
    for name in names:
        if name == "tasks.status":
            found.append("")
        elif name.startswith("tasks.") and name.endswith((".status", ".reason")):
            found.append(name.removeprefix("tasks.").rpartition(".")[0])
    return found


def _status_faults(spec: PipelineSpec) -> FieldErrors:
    known = {t.name for t in spec.tasks}
    errors: FieldErrors = []
    for key, index, task in _all_tasks(spec):
        found: FieldErrors = []
        for names, path in _expressions(task):
            used = _statuses(names)
            if key == "tasks" and used:
                found.append(
                    invalid_value(
                        "pipeline tasks can not refer to execution status of any other pipeline"
                        " task or aggregate status of tasks",
                        path,
                    )
                )
            elif key == "finally":
                found += [
                    invalid_value(f"pipeline task {name} is not defined in the pipeline", path)
                    for name in used
                    if name and name not in known
                ]
        errors += under_index(key, index, found)
    return errors


# --- workspaces and results -----------------------------------------------------------------------


def _workspace_faults(spec: PipelineSpec) -> FieldErrors:
    seen: set[str] = set()
    errors: FieldErrors = []
    for index, workspace in enumerate(spec.workspaces):
        path = f"workspaces[{index}]"
        if not workspace.name:
            errors.append(invalid_value(f"workspace {index} has empty name", path))
        if workspace.name in seen:
            text = f"workspace with name {quote(workspace.name)} appears more than once"
            errors.append(invalid_value(text, path))
        seen.add(workspace.name)
    return errors


def _result_faults(spec: PipelineSpec) -> FieldErrors:
    tasks, finals = {t.name for t in spec.tasks}, {t.name for t in spec.finally_}
    errors: FieldErrors = []
    for index, result in enumerate(spec.results):
        text = _result_fault(result, tasks, finals)
        if text:
            errors.append(invalid_value(text, f"results[{index}].value"))
    return errors


def _result_fault(result: PipelineResult, tasks: Collection[str], finals: Collection[str]) -> str:
    words = "expected pipeline results to be task result expressions but"
    names = [v for text in texts_of(result.value) for v in variables_in(text)]
    if not names:
        return f"{words} no expressions were found"
    refs = [ref for ref in map(parse_result, names) if ref is not None and ref.kind != "steps"]
    if not refs:
        return f"{words} an invalid expressions was found"
    for ref in refs:
        if ref.owner not in (tasks if ref.kind == "tasks" else finals):
            return "referencing a nonexistent task"
    return ""


def _child_pipeline_results(spec: PipelineSpec) -> FieldErrors:
    children = {t.name for t in spec.tasks if t.is_child_pipeline}
    if not children:
        return []
    return [
        invalid_value(
            f'result reference to pipelineTask "{ref.owner}" is not supported: referenced task uses'
            " pipelineRef or pipelineSpec and result propagation from child Pipelines is not yet"
            " implemented",
            f"{key}[{index}]",
        )
        for key, index, task in _all_tasks(spec)
        for ref in results_of_task(task)
        if ref.owner in children
    ]


def _final_faults(spec: PipelineSpec) -> FieldErrors:
    tasks, finals = {t.name for t in spec.tasks}, {t.name for t in spec.finally_}
    errors: FieldErrors = []
    for index, task in enumerate(spec.finally_):
        found: FieldErrors = []
        if task.run_after:
            found.append(
                invalid_value(
                    f"no runAfter allowed under spec.finally, final task {task.name} has runAfter"
                    " specified",
                    "",
                )
            )
        for names, path in _expressions(task):
            for ref in map(parse_result, names):
                if ref is None or ref.kind != "tasks":
                    continue
                words = "invalid task result reference, final task has task result reference from a"
                if ref.owner in finals:
                    found.append(invalid_value(f"{words} final task {ref.owner}", path))
                elif ref.owner not in tasks:
                    text = f"{words} task {ref.owner} which is not defined in the pipeline"
                    found.append(invalid_value(text, path))
        errors += under_index("finally", index, found)
    return errors


# --- matrices -------------------------------------------------------------------------------------


def _matrix_consumers(tasks: Tasks, key: str) -> FieldErrors:
    """Results of tasks that fan out are lists, and are used as such."""
    by_name: Mapping[str, PipelineTask] = {t.name: t for t in tasks}
    errors: FieldErrors = []
    for task in tasks:
        names = [v for text in texts_of_params(task.params) for v in variables_in(text)]
        for name in names:
            ref = parse_result(name)
            producer = by_name.get(ref.owner) if ref is not None else None
            if ref is None or producer is None or not producer.is_matrixed:
                continue
            if not name.endswith("[*]"):
                text = "A matrixed pipelineTask can only be consumed in aggregate using [*]"
                text += f" notation, but is currently set to {name}"
                errors.append(FieldError(text, (key,)))
            errors += under(key, _not_text(producer, ref.result))
    return errors


def _not_text(producer: PipelineTask, result: str) -> FieldErrors:
    if producer.task_spec is None:
        return []
    return [
        invalid_value(
            "Matrixed PipelineTasks emitting results must have an underlying type string, but"
            f" result {r.name} has type {r.type} in pipelineTask",
            "",
        )
        for r in producer.task_spec.results
        if r.name == result and r.type not in ("", ParamType.STRING)
    ]
