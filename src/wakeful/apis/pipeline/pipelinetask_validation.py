"""Rules for one task of a pipeline."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
    under,
)
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apis.pipeline import variables
from wakeful.apis.pipeline.admission import ALPHA, BETA, Settings, quote
from wakeful.apis.pipeline.param_types import Matrix, Param
from wakeful.apis.pipeline.param_validation import Names, validate_unique_params
from wakeful.apis.pipeline.pipeline_types import PipelineTask
from wakeful.apis.pipeline.reference_validation import validate_ref
from wakeful.apis.pipeline.references import variables_in
from wakeful.apis.pipeline.register import CONTINUE, STOP_AND_FAIL
from wakeful.apis.pipeline.scalars import texts_of
from wakeful.apis.pipeline.task_validation import validate_task_spec

_ORDINARY_KINDS = ("", "task", "clustertask")
_PREFIXES = ("params", "tasks", "finally", "context", "workspaces", "results")


def validate_name(task: PipelineTask) -> FieldErrors:
    """Names become parts of names of runs."""
    if not dns_label_faults(task.name):
        return []
    return [
        FieldError(
            f"invalid value {quote(task.name)}",
            ("name",),
            "Pipeline Task name must be a valid DNS Label.For more info refer to"
            " https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names",
        )
    ]


def validate_pipeline_task(task: PipelineTask, settings: Settings) -> FieldErrors:
    """What it refers to or embeds; child pipelines are looked at elsewhere."""
    errors = _one_of(task, settings)
    if "pipeline" in settings.flags.disable_inline_spec:
        for given, path in ((task.task_spec, "taskSpec"), (task.pipeline_spec, "pipelineSpec")):
            if given is not None:
                errors.append(disallowed_fields(path))
    errors += _embedded_faults(task)
    errors += _on_error_faults(task, settings)
    if _is_custom(task):
        return errors + _custom_faults(task)
    if task.task_spec is not None:
        errors += under("taskSpec", validate_task_spec(task.task_spec, settings))
    if task.task_ref is not None:
        errors += under("taskRef", validate_ref(task.task_ref.name, task.task_ref, settings))
    if task.pipeline_ref is not None:
        ref = task.pipeline_ref
        errors += under("pipelineRef", validate_ref(ref.name, ref, settings))
    return errors


def _one_of(task: PipelineTask, settings: Settings) -> FieldErrors:
    errors: FieldErrors = []
    found = []
    if task.task_ref is not None:
        found.append("taskRef")
    if task.task_spec is not None:
        found.append("taskSpec")
    for given, path in ((task.pipeline_ref, "pipelineRef"), (task.pipeline_spec, "pipelineSpec")):
        if given is not None:
            errors += settings.gate(path, ALPHA, "")
            found.append(path)
    if len(found) > 1:
        errors.append(FieldError("expected exactly one, got multiple", tuple(found)))
    if not found:
        more = ("pipelineRef", "pipelineSpec") if settings.flags.api_fields == ALPHA else ()
        errors.append(missing_one_of("taskRef", "taskSpec", *more))
    return errors


def _embedded_faults(task: PipelineTask) -> FieldErrors:
    spec = task.task_spec
    if spec is None or not spec.steps:
        return []
    errors: FieldErrors = []
    for value, path in ((spec.api_version, "apiVersion"), (spec.kind, "kind")):
        if value:
            text = f"taskSpec.{path} cannot be specified when using taskSpec.steps"
            errors.append(FieldError(text, (f"taskSpec.{path}",)))
    return errors


def _on_error_faults(task: PipelineTask, settings: Settings) -> FieldErrors:
    if not task.on_error or task.on_error.startswith("$(params"):
        return []
    errors = settings.gate("OnError", BETA, "")
    if task.on_error not in (CONTINUE, STOP_AND_FAIL):
        details = 'PipelineTask OnError must be either "continue" or "stopAndFail"'
        errors.append(invalid_value(task.on_error, "OnError", details))
    if task.on_error == CONTINUE and task.retries > 0:
        text = 'PipelineTask OnError cannot be set to "continue" when Retries is greater than 0'
        errors.append(FieldError(text, ("",)))
    return errors


def _is_custom(task: PipelineTask) -> bool:
    for given in (task.task_ref, task.task_spec):
        if given is not None and (given.kind.lower() not in _ORDINARY_KINDS or given.api_version):
            return True
    return False


def _custom_faults(task: PipelineTask) -> FieldErrors:
    errors: FieldErrors = []
    for given, word, path in (
        (task.task_ref, "ref", "taskRef"),
        (task.task_spec, "spec", "taskSpec"),
    ):
        if given is None:
            continue
        if not given.kind:
            errors.append(invalid_value(f"custom task {word} must specify kind", f"{path}.kind"))
        if not given.api_version:
            text = f"custom task {word} must specify apiVersion"
            errors.append(invalid_value(text, f"{path}.apiVersion"))
        elif not _is_group_version(given.api_version):
            text = f"invalid apiVersion format {quote(given.api_version)}, must be in the format"
            errors.append(invalid_value(f'{text} "group/version"', f"{path}.apiVersion"))
    return errors


def _is_group_version(text: str) -> bool:
    parts = text.split("/")
    return len(parts) == 2 and all(parts)


# --- matrix ---------------------------------------------------------------------------------------


def validate_matrix(task: PipelineTask, settings: Settings) -> FieldErrors:
    """Fan-out is bounded, and no parameter comes from two places."""
    matrix = task.matrix
    if matrix is None:
        return []
    errors: FieldErrors = []
    if task.is_matrixed:
        errors += settings.gate("matrix", BETA, "")
        most, count = settings.defaults.max_matrix_combinations, count_combinations(matrix)
        if count > most:
            errors.append(out_of_bounds(count, 0, most, "matrix"))
        for index, row in enumerate(matrix.include):
            errors += under(f"matrix.include[{index}].params", validate_unique_params(row.params))
        errors += under("matrix.params", validate_unique_params(matrix.params))
    names = {p.name for p in matrix.all_params}
    errors += [
        multiple_one_of(f"matrix[{p.name}]", f"params[{p.name}]")
        for p in task.params
        if p.name in names
    ]
    return errors


def count_combinations(matrix: Matrix) -> int:
    """How many runs it makes, as far as lists are written out."""
    if not matrix.params:
        return len(matrix.include)
    count = 1
    values: dict[str, Collection[str]] = {}
    for param in matrix.params:
        if isinstance(param.value, list):
            values[param.name] = param.value
            count *= len(param.value) or 1
    for row in matrix.include:
        for param in row.params:
            if param.name in values:
                if param.value in values[param.name]:
                    break
                count += 1
    return count


# --- variables ------------------------------------------------------------------------------------


def validate_param_variables(task: PipelineTask, names: Names) -> FieldErrors:
    """Parameters of the pipeline that a task uses are declared, and fit where they are used."""
    errors = under("params", validate_unique_params(task.params))
    for param in task.params:
        errors += under(f"params[{param.name}]", _value_faults(param, names))
    if task.matrix is not None:
        for row in task.matrix.include:
            for param in row.params:
                if isinstance(param.value, str):
                    errors += under("matrix.include.params", _text_faults(param.value, names))
        for param in task.matrix.params:
            if isinstance(param.value, list):
                found = _list_faults(param.value, names)
                errors += under(f"matrix.params[{param.name}]", found)
    for index, expression in enumerate(task.when):
        found = under("input", _text_faults(expression.input, names))
        for value in expression.values:
            is_list = value.removeprefix("$(params.").removesuffix("[*])") in names.arrays
            check = _item_faults if is_list else _text_faults
            found += under("values", check(value, names))
        errors += under(f"when[{index}]", found)
    return errors


def _value_faults(param: Param, names: Names) -> FieldErrors:
    value = param.value
    if isinstance(value, list):
        return _list_faults(value, names)
    if isinstance(value, dict):
        return [
            error
            for key, member in value.items()
            for error in under(f"properties[{key}]", _text_faults(member, names))
        ]
    if variables.is_whole(value, "params"):
        return variables.unknown(value, "params", names.everything)
    return _text_faults(value, names)


def _list_faults(items: Sequence[str], names: Names) -> FieldErrors:
    return [
        error
        for index, item in enumerate(items)
        for error in under(f"value[{index}]", _item_faults(item, names))
    ]


def _text_faults(text: str, names: Names) -> FieldErrors:
    if "$(" not in text:
        return []
    errors = variables.unknown(text, "params", names.everything)
    errors += _object_faults(text, names)
    return errors + variables.prohibited(text, "params", names.arrays)


def _item_faults(text: str, names: Names) -> FieldErrors:
    if "$(" not in text:
        return []
    errors = variables.unknown(text, "params", names.everything)
    errors += _object_faults(text, names)
    return errors + variables.not_isolated(text, "params", names.arrays)


def _object_faults(text: str, names: Names) -> FieldErrors:
    errors: FieldErrors = []
    for name, keys in names.objects.items():
        errors += variables.unknown(text, rf"params\.{re.escape(name)}", keys)
    return errors + variables.entirely_prohibited(text, "params", names.objects)


def validate_prefixes(task: PipelineTask) -> FieldErrors:
    """Every variable begins with a word that means something."""
    errors: FieldErrors = []
    for texts, path in _expressions(task):
        for name in (v for text in texts for v in variables_in(text)):
            if name.split(".")[0].split("[")[0] not in _PREFIXES:
                reference = quote(f"$({name})")
                errors.append(
                    invalid_value(
                        f"invalid variable reference {reference}, must start with a valid prefix:"
                        " params, tasks, finally, context, workspaces, or results; if you meant a"
                        " shell variable, use ${VAR} instead",
                        path,
                    )
                )
    return errors


def _expressions(task: PipelineTask) -> Iterator[tuple[list[str], str]]:
    for param in task.params:
        yield texts_of(param.value), f"params[{param.name}].value"
    for index, expression in enumerate(task.when):
        yield [expression.input, expression.cel, *expression.values], f"when[{index}]"
    if task.matrix is not None:
        for param in task.matrix.params:
            yield texts_of(param.value), f"matrix.params[{param.name}].value"
        for index, row in enumerate(task.matrix.include):
            for param in row.params:
                path = f"matrix.include[{index}].params[{param.name}].value"
                yield texts_of(param.value), path


def validate_workspaces(task: PipelineTask, names: Collection[str]) -> FieldErrors:
    """Workspaces a task is handed are the pipeline's."""
    seen: set[str] = set()
    errors: FieldErrors = []
    for index, binding in enumerate(task.workspaces):
        path = f"workspaces[{index}]"
        if binding.name in seen:
            text = f"workspace name {quote(binding.name)} must be unique"
            errors.append(FieldError(text, (path,)))
        seen.add(binding.name)
        if binding.source not in names:
            text = f"pipeline task {quote(task.name)} expects workspace with name"
            text += f" {quote(binding.source)} but none exists in pipeline spec"
            errors.append(invalid_value(text, path))
    return errors
