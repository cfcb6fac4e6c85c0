"""Rules for PipelineRuns."""

from __future__ import annotations

from datetime import timedelta

from wakeful.apimachinery.duration import format_duration
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import Settings, load_settings, quote, validate_metadata
from wakeful.apis.pipeline.legacy_validation import resource_spec_faults
from wakeful.apis.pipeline.param_types import Param, ParamSpec, PropertySpec
from wakeful.apis.pipeline.param_validation import (
    Names,
    combine_spec,
    spec_of_value,
    validate_enums,
    validate_no_duplicates,
    validate_params,
    validate_types,
)
from wakeful.apis.pipeline.pipeline_validation import validate_pipeline_spec
from wakeful.apis.pipeline.pipelinerun_defaults import set_pipelinerun_spec_defaults
from wakeful.apis.pipeline.pipelinerun_types import (
    PipelineRun,
    PipelineRunSpec,
    PipelineTaskRunSpec,
    TimeoutFields,
)
from wakeful.apis.pipeline.pipelinetask_validation import validate_param_variables
from wakeful.apis.pipeline.reference_validation import validate_ref
from wakeful.apis.pipeline.references import parse_result, variables_in
from wakeful.apis.pipeline.register import PipelineRunSpecStatus
from wakeful.apis.pipeline.run_validation import (
    pending_faults,
    update_faults,
    validate_compute_resources,
    validate_pod_template,
    validate_step_specs,
)
from wakeful.apis.pipeline.scalars import ParamType, texts_of
from wakeful.apis.pipeline.step_validation import validate_parameter_variables, validate_usage
from wakeful.apis.pipeline.workspace_validation import binding_faults

_STATUSES = (
    PipelineRunSpecStatus.CANCELLED,
    PipelineRunSpecStatus.CANCELLED_RUN_FINALLY,
    PipelineRunSpecStatus.STOPPED_RUN_FINALLY,
    PipelineRunSpecStatus.PENDING,
)


def validate_pipelinerun(
    run: PipelineRun, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A PipelineRun; once it runs, only what ends it may change."""
    if context.subresource:
        return []
    settings = load_settings(context)
    errors = validate_metadata(run) + pending_faults(run)
    if isinstance(old, PipelineRun):
        errors += under("spec", _update_faults(run.spec, old, settings))
        if run.spec == old.spec:
            return errors
    return errors + under("spec", _spec_faults(run.spec, settings))


def _update_faults(spec: PipelineRunSpec, old: PipelineRun, settings: Settings) -> FieldErrors:
    before = old.spec.deep_copy()
    set_pipelinerun_spec_defaults(before, settings)
    return update_faults(
        "PipelineRun", spec, old.spec, before, is_done=old.is_done, changeable={"status": "status"}
    )


def _spec_faults(spec: PipelineRunSpec, settings: Settings) -> FieldErrors:
    errors: FieldErrors = []
    ref, inline = spec.pipeline_ref, spec.pipeline_spec
    if ref is None and inline is None:
        errors.append(missing_one_of("pipelineRef", "pipelineSpec"))
    if ref is not None and inline is not None:
        errors.append(multiple_one_of("pipelineRef", "pipelineSpec"))
    if ref is not None:
        errors += under("pipelineRef", validate_ref(ref.name, ref, settings))
    if inline is not None:
        if "pipelinerun" in settings.flags.disable_inline_spec:
            errors.append(disallowed_fields("pipelineSpec"))
        errors += under("pipelineSpec", validate_pipeline_spec(inline, settings))
    errors += _param_faults(spec)
    errors += _inline_faults(spec, settings)
    if spec.timeouts is not None:
        errors += _timeout_faults(spec.timeouts, settings)
    for index, own in enumerate(spec.task_run_specs):
        found = _task_run_spec_faults(own, spec.timeouts, settings)
        errors += under_index("taskRunSpecs", index, found)
    if spec.status and spec.status not in _STATUSES:
        *most, last = _STATUSES
        text = f"{spec.status} should be {', '.join(most)} or {last}"
        errors.append(invalid_value(text, "status"))
    errors += _workspace_faults(spec)
    template = spec.task_run_template.pod_template
    errors += under("taskRunTemplate", validate_pod_template(template, settings))
    for index, binding in enumerate(spec.legacy.resources if spec.legacy is not None else ()):
        if binding.resource_spec is not None:
            found = resource_spec_faults(binding.resource_spec)
            errors += under_index("resources", index, under("resourceSpec", found))
    return errors


def _param_faults(spec: PipelineRunSpec) -> FieldErrors:
    errors = under("params", validate_params(spec.params))
    for param in spec.params:
        names = [v for text in texts_of(param.value) for v in variables_in(text)]
        refs = [n for n in names if (ref := parse_result(n)) is not None and ref.kind != "steps"]
        if refs:
            text = f"cannot use result expressions in [{' '.join(refs)}] as PipelineRun parameter"
            errors.append(invalid_value(f"{text} values", f"params[{param.name}].value"))
    return errors


def _inline_faults(spec: PipelineRunSpec, settings: Settings) -> FieldErrors:
    """Embedded tasks may use parameters of the run, the pipeline and the pipeline task."""
    inline = spec.pipeline_spec
    if inline is None:
        return []
    specs: dict[str, ParamSpec] = {p.name: spec_of_value(p) for p in spec.params}
    errors: FieldErrors = []
    for declared in inline.params:
        errors += combine_spec(declared, specs)
    outer = list(specs.values())
    if inline.tasks:
        errors += validate_types(outer)
        errors += validate_no_duplicates(outer)
        errors += validate_enums(outer, settings)
    for key, tasks in (("tasks", inline.tasks), ("finally", inline.finally_)):
        for index, task in enumerate(tasks):
            found: FieldErrors = []
            mine = {name: s.deep_copy() for name, s in specs.items()}
            given = [*task.params, *(task.matrix.all_params if task.matrix is not None else ())]
            for param in given:
                _append_param(param, mine)
            embedded = task.task_spec
            if embedded is not None and not embedded.is_custom:
                for declared in embedded.params:
                    found += combine_spec(declared, mine)
                if embedded.steps:
                    listed = _as_rows(mine, embedded.params, task.matrix is not None)
                    found += validate_types(listed)
                    found += validate_parameter_variables(embedded.steps, listed, settings)
                    found += validate_usage(embedded.steps, listed)
            found += validate_param_variables(task, Names.of(outer))
            errors += under("pipelineSpec", under_index(key, index, found))
    return errors


def _as_rows(
    specs: dict[str, ParamSpec], declared: list[ParamSpec], is_matrixed: bool
) -> list[ParamSpec]:
    """In a matrix every run gets one value of a list, so what the task declares counts."""
    if not is_matrixed:
        return list(specs.values())
    return list({**specs, **{s.name: s for s in declared}}.values())


def _append_param(param: Param, specs: dict[str, ParamSpec]) -> None:
    known = specs.get(param.name)
    if known is None or known.type != ParamType.OBJECT:
        if known is None:
            specs[param.name] = spec_of_value(param)
        return
    if isinstance(param.value, dict):
        mine = known.default if isinstance(known.default, dict) else {}
        known.default = {**mine, **param.value}
        known.properties.update({key: PropertySpec(type=ParamType.STRING) for key in param.value})


# --- timeouts -------------------------------------------------------------------------------------


def _timeout_faults(timeouts: TimeoutFields, settings: Settings) -> FieldErrors:
    parts = {
        "tasks": timeouts.tasks,
        "finally": timeouts.finally_,
        "pipeline": timeouts.pipeline,
    }
    errors = [
        invalid_value(f"{format_duration(given)} should be >= 0", f"timeouts.{name}")
        for name, given in parts.items()
        if given is not None and given < timedelta()
    ]
    if timeouts.pipeline is not None:
        return errors + _parts_of(timeouts, timeouts.pipeline, "should be <= pipeline duration")
    words = "should be <= default timeout duration"
    return errors + _parts_of(timeouts, settings.defaults.timeout, words)


def _parts_of(timeouts: TimeoutFields, whole: timedelta, words: str) -> FieldErrors:
    if not whole:
        return []
    errors: FieldErrors = []
    for given, path in ((timeouts.tasks, "tasks"), (timeouts.finally_, "finally")):
        if given is not None and (given > whole or not given):
            text = format_duration(given) + ("" if given else " (no timeout)")
            errors.append(invalid_value(f"{text} {words}", f"timeouts.{path}"))
    tasks, final = timeouts.tasks, timeouts.finally_
    if tasks is not None and final is not None and tasks + final > whole:
        text = f"{format_duration(tasks)} + {format_duration(final)} {words}"
        errors += [invalid_value(text, f"timeouts.{path}") for path in ("tasks", "finally")]
    return errors


def _task_run_spec_faults(
    own: PipelineTaskRunSpec, timeouts: TimeoutFields | None, settings: Settings
) -> FieldErrors:
    errors = validate_step_specs(own.step_specs, "stepSpecs", settings)
    errors += validate_step_specs(own.sidecar_specs, "sidecarSpecs", settings)
    errors += validate_compute_resources(own.compute_resources, own.step_specs, settings)
    errors += validate_pod_template(own.pod_template, settings)
    if own.timeout is None:
        return errors
    if own.timeout < timedelta():
        text = f"{format_duration(own.timeout)} should be >= 0"
        return [*errors, invalid_value(text, "timeout")]
    most, source = settings.defaults.timeout, "default pipeline duration"
    if timeouts is not None and timeouts.tasks is not None:
        most, source = timeouts.tasks, "pipeline tasks duration"
    elif timeouts is not None and timeouts.pipeline is not None:
        most, source = timeouts.pipeline, "pipeline duration"
    if most and own.timeout > most:
        text = f"{format_duration(own.timeout)} should be <= {source} {format_duration(most)}"
        errors.append(invalid_value(text, "timeout"))
    return errors


def _workspace_faults(spec: PipelineRunSpec) -> FieldErrors:
    places: dict[str, int] = {}
    errors: FieldErrors = []
    for index, binding in enumerate(spec.workspaces):
        found = binding_faults(binding)
        if binding.name in places:
            text = f"workspace {quote(binding.name)} provided by pipelinerun more than once, at"
            text += f" index {places[binding.name]} and {index}"
            found.append(FieldError(text, ("name",)))
        places[binding.name] = index
        errors += under_index("workspaces", index, found)
    return errors
