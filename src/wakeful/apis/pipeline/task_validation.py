"""Rules for Tasks."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline import variables
from wakeful.apis.pipeline.admission import Settings, load_settings, quote, validate_metadata
from wakeful.apis.pipeline.legacy_types import TaskResource
from wakeful.apis.pipeline.param_validation import validate_results, validate_types
from wakeful.apis.pipeline.step_validation import (
    validate_parameter_variables,
    validate_sidecars,
    validate_steps,
    validate_usage,
    validate_variables,
)
from wakeful.apis.pipeline.task_types import ClusterTask, Task, TaskSpec
from wakeful.apis.pipeline.workspace_validation import (
    validate_declared_workspaces,
    validate_workspace_usages,
)

RESOURCE_TYPES = ("git", "storage", "image", "cluster", "pullRequest", "cloudEvent")
_TASK_RUN_CONTEXT = ("name", "namespace", "uid")
_TASK_CONTEXT = ("name", "retry-count")


def validate_task(
    task: Task | ClusterTask, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A Task or ClusterTask, which must be complete in itself."""
    del old
    if context.subresource:
        return []
    settings = load_settings(context)
    errors = validate_metadata(task)
    errors += under("spec", validate_task_spec(task.spec, settings))
    errors += under("spec", validate_usage(task.spec.steps, task.spec.params))
    return errors


def validate_task_spec(spec: TaskSpec, settings: Settings) -> FieldErrors:
    """What a task needs, does and yields; embedded ones may use what surrounds them."""
    errors: FieldErrors = []
    if not spec.steps:
        errors.append(missing_field("steps"))
    errors += _volume_faults(spec)
    errors += validate_declared_workspaces(spec)
    errors += validate_workspace_usages(spec, settings)
    errors += validate_steps(spec.steps, spec.step_template, settings)
    errors += validate_sidecars(spec.sidecars)
    errors += under("params", validate_types(spec.params))
    errors += validate_parameter_variables(spec.steps, spec.params, settings)
    errors += validate_variables(spec.steps, r"context\.taskRun", _TASK_RUN_CONTEXT)
    errors += validate_variables(spec.steps, r"context\.task", _TASK_CONTEXT)
    names = {r.name for r in spec.results}
    for index, step in enumerate(spec.steps):
        found = variables.unknown(step.script, "results", names, "script")
        errors += under_index("steps", index, found)
    errors += validate_results(spec.results)
    if spec.legacy is not None:
        errors += _resource_faults(spec.legacy.inputs, "taskspec.Inputs")
        errors += _resource_faults(spec.legacy.outputs, "taskspec.Outputs")
    return errors


def _volume_faults(spec: TaskSpec) -> FieldErrors:
    names: set[str] = set()
    errors: FieldErrors = []
    for index, volume in enumerate(spec.volumes):
        if volume.name in names:
            text = f"multiple volumes with same name {quote(volume.name)}"
            errors.append(FieldError(text, (f"volumes[{index}].name",)))
        names.add(volume.name)
    return errors


def _resource_faults(resources: Sequence[TaskResource], path: str) -> FieldErrors:
    """PipelineResources a task of an older version declares."""
    errors: FieldErrors = []
    names: set[str] = set()
    for resource in resources:
        if resource.type not in RESOURCE_TYPES:
            errors.append(invalid_value(resource.type, f"{path}.Resources.{resource.name}.Type"))
        if resource.name.lower() in names:
            errors.append(FieldError("expected exactly one, got both", (f"{path}.Resources.Name",)))
        names.add(resource.name.lower())
    return errors
