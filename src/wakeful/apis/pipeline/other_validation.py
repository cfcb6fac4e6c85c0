"""Rules for step actions, custom runs and verification policies."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid_value,
    missing_field,
    missing_one_of,
    multiple_one_of,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.patterns import PatternError, check_pattern
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.pipeline.admission import load_settings, validate_metadata
from wakeful.apis.pipeline.customrun_types import (
    CustomRun,
    EmbeddedCustomRunSpec,
    Run,
)
from wakeful.apis.pipeline.param_types import Param
from wakeful.apis.pipeline.param_validation import validate_params
from wakeful.apis.pipeline.step_validation import validate_action
from wakeful.apis.pipeline.stepaction_types import StepAction
from wakeful.apis.pipeline.task_types import TaskRef
from wakeful.apis.pipeline.verificationpolicy_types import KeyRef, VerificationPolicy
from wakeful.apis.pipeline.workspace_types import WorkspaceBinding
from wakeful.apis.pipeline.workspace_validation import validate_bindings

_HASHES = ("", "sha224", "sha256", "sha384", "sha512")
_MODES = ("", "enforce", "warn")


def validate_step_action(
    action: StepAction, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A step that tasks share."""
    del old
    if context.subresource:
        return []
    settings = load_settings(context)
    return validate_metadata(action) + under("spec", validate_action(action.spec, settings))


def validate_custom_run(
    run: CustomRun, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A CustomRun says who is to carry it out."""
    del old
    if context.subresource:
        return []
    spec = run.spec
    return validate_metadata(run) or _custom_faults(
        ("spec.customRef", spec.custom_ref),
        ("spec.customSpec", spec.custom_spec),
        spec.params,
        spec.workspaces,
        message=spec.status_message if not spec.status else "",
    )


def validate_run(run: Run, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """The same, as v1alpha1 had it."""
    del old
    if context.subresource:
        return []
    spec = run.spec
    return validate_metadata(run) or _custom_faults(
        ("spec.ref", spec.ref),
        ("spec.spec", spec.spec),
        spec.params,
        spec.workspaces,
        message=spec.status_message if not spec.status else "",
    )


def _custom_faults(
    ref: tuple[str, TaskRef | None],
    spec: tuple[str, EmbeddedCustomRunSpec | None],
    params: list[Param],
    workspaces: list[WorkspaceBinding],
    *,
    message: str,
) -> FieldErrors:
    if ref[1] is not None and spec[1] is not None:
        return [multiple_one_of(ref[0], spec[0])]
    if ref[1] is None and spec[1] is None:
        return [missing_one_of(ref[0], spec[0])]
    for path, given in (ref, spec):
        if given is not None and not given.api_version:
            return [missing_field(f"{path}.apiVersion")]
        if given is not None and not given.kind:
            return [missing_field(f"{path}.kind")]
    if message:
        text = "statusMessage should not be set if status is not set, but it is currently set to"
        return [invalid_value(f"{text} {message}", "statusMessage")]
    return under("spec.params", validate_params(params)) or under(
        "spec", validate_bindings(workspaces)
    )


def validate_verification_policy(
    policy: VerificationPolicy, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A policy says which sources it is about, and whose keys count."""
    del old
    if context.subresource:
        return []
    spec = policy.spec
    errors = validate_metadata(policy)
    if not spec.resources:
        errors.append(missing_field("resources"))
    for resource in spec.resources:
        try:
            check_pattern(resource.pattern)
        except PatternError as err:
            details = f"resource pattern is not a valid regular expression: {err}"
            errors.append(invalid_value(resource.pattern, "ResourcePattern", details))
    if not spec.authorities:
        errors.append(missing_field("authorities"))
    for index, authority in enumerate(spec.authorities):
        if authority.key is not None:
            errors += under_index("key", index, _key_faults(authority.key))
    if spec.mode not in _MODES:
        text = f"available values are: enforce, warn, but got: {spec.mode}"
        errors.append(invalid_value(text, "mode"))
    return errors


def _key_faults(key: KeyRef) -> FieldErrors:
    errors: FieldErrors = []
    count = sum((bool(key.data), key.secret_ref is not None, bool(key.kms)))
    if count == 0:
        errors.append(missing_one_of("data", "kms", "secretref"))
    elif count > 1:
        errors.append(multiple_one_of("data", "kms", "secretref"))
    if key.hash_algorithm.lower() not in _HASHES:
        errors.append(invalid_value(key.hash_algorithm, "HashAlgorithm"))
    return errors
