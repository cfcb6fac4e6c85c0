"""What rules for TaskRuns and PipelineRuns share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

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
from wakeful.apis.pipeline.pipelinerun_types import PipelineRun, PipelineRunSpec
from wakeful.apis.pipeline.pod_template_types import PodTemplate
from wakeful.apis.pipeline.taskrun_types import TaskRun, TaskRunSpec, TaskRunStepSpec

S = TypeVar("S", TaskRunSpec, PipelineRunSpec)


def pending_faults(run: TaskRun | PipelineRun) -> FieldErrors:
    """Only a run that has not started may be held back."""
    if not (run.is_pending and run.has_started):
        return []
    text = f"{run.gvk.kind} cannot be Pending after it is started"
    return [invalid_value(text, "spec.status")]


def update_faults(
    kind: str, spec: S, old: S, defaulted: S, *, is_done: bool, changeable: Mapping[str, str]
) -> FieldErrors:
    """What may not become of a run's spec: once it is there, little; once it is done, nothing.

    ``defaulted`` is ``old`` with the defaults of today; ``changeable`` has the fields that may
    always change, texts all of them, and their names on the wire.
    """
    errors: FieldErrors = []
    if spec.managed_by != old.managed_by:
        errors.append(invalid_value("managedBy is immutable", "spec.managedBy"))
    if is_done:
        if spec not in (old, defaulted):
            text = f"Once the {kind} is complete, no updates are allowed"
            errors.append(invalid_value(text, ""))
        return errors
    same = {**dict.fromkeys(changeable, ""), "managed_by": None}
    if spec.model_copy(update=same) != defaulted.model_copy(update=same):
        names = " and ".join(changeable.values())
        text = f"Once the {kind} has started, only {names} updates are allowed"
        errors.append(invalid_value(text, ""))
    return errors


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
