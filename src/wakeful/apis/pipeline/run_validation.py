"""What rules for TaskRuns and PipelineRuns share."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid_value,
    missing_field,
    multiple_one_of,
    under,
)
from wakeful.apis.core.pod_types import ResourceRequirements
from wakeful.apis.pipeline.admission import BETA, Settings
from wakeful.apis.pipeline.param_validation import no_repeated_names
from wakeful.apis.pipeline.pod_template_types import PodTemplate
from wakeful.apis.pipeline.taskrun_types import TaskRunStepSpec


def validate_step_specs(
    specs: Sequence[TaskRunStepSpec], path: str, settings: Settings
) -> FieldErrors:
    """Resources of single steps or sidecars."""
    if not specs:
        return []
    errors = settings.gate(path, BETA, "")
    errors += [missing_field(f"[{i}].name") for i, s in enumerate(specs) if not s.name]
    errors += no_repeated_names((s.name for s in specs if s.name), by_index=True)
    return under(path, errors)


def validate_compute_resources(
    resources: ResourceRequirements | None, specs: Sequence[TaskRunStepSpec], settings: Settings
) -> FieldErrors:
    """Resources are given for the whole task, or for single steps."""
    if resources is None:
        return []
    errors = settings.gate("computeResources", BETA, "computeResources")
    if any(s.compute_resources != ResourceRequirements() for s in specs):
        errors.append(multiple_one_of("computeResources", "stepSpecs.resources"))
    return errors


def validate_pod_template(template: PodTemplate | None, settings: Settings) -> FieldErrors:
    """Variables an administrator keeps for himself."""
    if template is None:
        return []
    return [
        invalid_value(
            f"PodTemplate cannot update a forbidden env: {variable.name}", "PodTemplate.Env"
        )
        for variable in template.env
        if variable.name in settings.defaults.forbidden_env
    ]
