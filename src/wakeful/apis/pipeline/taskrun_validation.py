"""Rules for TaskRuns."""

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
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import ALPHA, Settings, load_settings, validate_metadata
from wakeful.apis.pipeline.param_types import ParamSpec
from wakeful.apis.pipeline.param_validation import (
    combine_spec,
    spec_of_value,
    validate_params,
    validate_types,
)
from wakeful.apis.pipeline.reference_validation import validate_ref
from wakeful.apis.pipeline.register import TaskRunSpecStatus
from wakeful.apis.pipeline.run_validation import (
    pending_faults,
    update_faults,
    validate_compute_resources,
    validate_pod_template,
    validate_step_specs,
)
from wakeful.apis.pipeline.step_validation import validate_parameter_variables, validate_usage
from wakeful.apis.pipeline.task_validation import validate_task_spec
from wakeful.apis.pipeline.taskrun_defaults import set_taskrun_spec_defaults
from wakeful.apis.pipeline.taskrun_types import TaskRun, TaskRunDebug, TaskRunSpec
from wakeful.apis.pipeline.workspace_validation import validate_bindings

ENABLED = "enabled"


def validate_taskrun(run: TaskRun, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """A TaskRun; once it runs, only what ends it may change."""
    if context.subresource:
        return []
    settings = load_settings(context)
    errors = validate_metadata(run) + pending_faults(run)
    if isinstance(old, TaskRun):
        errors += under("spec", _update_faults(run.spec, old, settings))
        if run.spec == old.spec:
            return errors
    return errors + under("spec", _spec_faults(run.spec, settings))


def _update_faults(spec: TaskRunSpec, old: TaskRun, settings: Settings) -> FieldErrors:
    before = old.spec.deep_copy()
    set_taskrun_spec_defaults(before, settings)
    changeable = {"status": "status", "status_message": "statusMessage"}
    return update_faults(
        "TaskRun", spec, old.spec, before, is_done=old.is_done, changeable=changeable
    )


def _spec_faults(spec: TaskRunSpec, settings: Settings) -> FieldErrors:
    errors: FieldErrors = []
    if spec.task_ref is None and spec.task_spec is None:
        errors.append(missing_one_of("taskRef", "taskSpec"))
    if spec.task_ref is not None and spec.task_spec is not None:
        errors.append(multiple_one_of("taskRef", "taskSpec"))
    if spec.task_ref is not None:
        errors += under("taskRef", validate_ref(spec.task_ref.name, spec.task_ref, settings))
    if spec.task_spec is not None:
        if "taskrun" in settings.flags.disable_inline_spec:
            errors.append(disallowed_fields("taskSpec"))
        errors += under("taskSpec", validate_task_spec(spec.task_spec, settings))
    errors += under("params", validate_params(spec.params))
    errors += _inline_faults(spec, settings)
    errors += validate_bindings(spec.workspaces)
    if spec.debug is not None:
        errors += settings.gate("debug", ALPHA, "debug")
        errors += under("debug", _debug_faults(spec.debug))
    errors += validate_step_specs(spec.step_specs, "stepSpecs", settings)
    errors += validate_step_specs(spec.sidecar_specs, "sidecarSpecs", settings)
    errors += validate_compute_resources(spec.compute_resources, spec.step_specs, settings)
    errors += _status_faults(spec)
    if spec.retries < 0:
        errors.append(invalid_value(f"{spec.retries} should be >= 0", "retries"))
    errors += validate_pod_template(spec.pod_template, settings)
    if spec.timeout is not None and spec.timeout < timedelta():
        text = f"{format_duration(spec.timeout)} should be >= 0"
        errors.append(invalid_value(text, "timeout"))
    return errors


def _status_faults(spec: TaskRunSpec) -> FieldErrors:
    cancelled, pending = TaskRunSpecStatus.CANCELLED, TaskRunSpecStatus.PENDING
    if spec.status and spec.status not in (cancelled, pending):
        return [invalid_value(f"{spec.status} should be {cancelled} or {pending}", "status")]
    if spec.status_message and not spec.status:
        text = "statusMessage should not be set if status is not set, but it is currently set to"
        return [invalid_value(f"{text} {spec.status_message}", "statusMessage")]
    return []


def _inline_faults(spec: TaskRunSpec, settings: Settings) -> FieldErrors:
    """An embedded task may use the run's parameters without declaring them."""
    if spec.task_spec is None:
        return []
    specs: dict[str, ParamSpec] = {p.name: spec_of_value(p) for p in spec.params}
    errors: FieldErrors = []
    for declared in spec.task_spec.params:
        errors += combine_spec(declared, specs)
    steps, listed = spec.task_spec.steps, list(specs.values())
    if steps:
        errors += validate_types(listed)
        errors += validate_parameter_variables(steps, listed, settings)
        errors += validate_usage(steps, listed)
    return errors


def _debug_faults(debug: TaskRunDebug) -> FieldErrors:
    breakpoints = debug.breakpoints
    if breakpoints is None:
        return []
    errors: FieldErrors = []
    given = breakpoints.on_failure
    if not given and not breakpoints.before_steps:
        text = "onFailure breakpoint is empty, it is only allowed to be set as enabled"
        errors.append(invalid_value(text, "breakpoints.onFailure"))
    elif given and given != ENABLED:
        text = f"{given} is not a valid onFailure breakpoint value, onFailure breakpoint is only"
        errors.append(
            invalid_value(f"{text} allowed to be set as enabled", "breakpoints.onFailure")
        )
    seen: set[str] = set()
    for index, step in enumerate(breakpoints.before_steps):
        if step in seen:
            text = f"before step must be unique, the same step: {step} is defined multiple times at"
            errors.append(FieldError(text, (f"breakpoints.beforeSteps[{index}]",)))
        seen.add(step)
    return errors
