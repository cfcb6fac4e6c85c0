"""What makes a pod acceptable, and what of it may change."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    duplicate,
    forbidden,
    invalid,
    required,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_label_faults, dns_subdomain_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.container_validation import (
    validate_containers,
    validate_ephemeral,
    validate_field_path,
)
from wakeful.apis.core.pod_types import Pod, PodSpec, PodTemplateSpec
from wakeful.apis.core.rules import (
    config_key_faults,
    first_of,
    validate_choice,
    validate_labels,
    validate_not_negative,
)
from wakeful.apis.core.volume_types import KeyToPath, Volume

UPDATE_FORBIDDEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only"
    " additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set"
    " to 1 if it was previously negative)"
)


def validate_pod_spec(spec: PodSpec, path: str) -> FieldErrors:
    """Check what pods and pod templates share."""
    errors: FieldErrors = []
    names: set[str] = set()
    for index, volume in enumerate(spec.volumes):
        at = f"{path}.volumes[{index}]"
        errors += _validate_volume(volume, at)
        if volume.name and volume.name in names:
            errors.append(duplicate(f"{at}.name", volume.name))
        names.add(volume.name)
    if not spec.containers:
        errors.append(required(f"{path}.containers"))
    taken: set[str] = set()
    errors += validate_containers(spec.containers, f"{path}.containers", names, taken)
    errors += validate_containers(spec.init_containers, f"{path}.initContainers", names, taken)
    ephemeral = f"{path}.ephemeralContainers"
    errors += validate_containers(spec.ephemeral_containers, ephemeral, names, taken)
    for index, container in enumerate(spec.ephemeral_containers):
        errors += validate_ephemeral(container, f"{ephemeral}[{index}]")
    errors += validate_choice(
        spec.restart_policy, ("Always", "Never", "OnFailure"), f"{path}.restartPolicy"
    )
    errors += validate_choice(
        spec.dns_policy,
        ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        f"{path}.dnsPolicy",
    )
    errors += validate_labels(spec.node_selector, f"{path}.nodeSelector")
    errors += validate_not_negative(
        spec.termination_grace_period_seconds, f"{path}.terminationGracePeriodSeconds"
    )
    deadline = spec.active_deadline_seconds
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        detail = "must be between 1 and 2147483647, inclusive"
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, detail))
    if spec.service_account_name:
        faults = dns_subdomain_faults(spec.service_account_name)
        errors += first_of(faults, f"{path}.serviceAccountName", spec.service_account_name)
    for name, label in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if label:
            errors += first_of(dns_label_faults(label), f"{path}.{name}", label)
    for index, secret in enumerate(spec.image_pull_secrets):
        if not secret.name:
            errors.append(required(f"{path}.imagePullSecrets[{index}].name"))
    errors += _validate_tolerations(spec, f"{path}.tolerations")
    return errors


def _validate_tolerations(spec: PodSpec, path: str) -> FieldErrors:
    errors: FieldErrors = []
    for index, toleration in enumerate(spec.tolerations):
        at = f"{path}[{index}]"
        if toleration.operator not in ("", "Equal", "Exists"):
            errors += validate_choice(toleration.operator, ("Equal", "Exists"), f"{at}.operator")
        if not toleration.key and toleration.operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all"'
            errors.append(invalid(f"{at}.operator", toleration.operator, detail))
        effects = ("NoExecute", "NoSchedule", "PreferNoSchedule")
        if toleration.effect:
            errors += validate_choice(toleration.effect, effects, f"{at}.effect")
    return errors


def _validate_volume(volume: Volume, path: str) -> FieldErrors:
    errors: FieldErrors = []
    if not volume.name:
        errors.append(required(f"{path}.name"))
    else:
        errors += first_of(dns_label_faults(volume.name), f"{path}.name", volume.name)
    sources = volume.sources
    if not sources:
        errors.append(required(path, "must specify a volume type"))
    errors += [
        forbidden(f"{path}.{name}", "may not specify more than 1 volume type")
        for name in sources[1:]
    ]
    if volume.host_path is not None and not volume.host_path.path:
        errors.append(required(f"{path}.hostPath.path"))
    if volume.secret is not None:
        if not volume.secret.secret_name:
            errors.append(required(f"{path}.secret.secretName"))
        errors += _validate_items(volume.secret.items, f"{path}.secret")
    if volume.config_map is not None:
        if not volume.config_map.name:
            errors.append(required(f"{path}.configMap.name"))
        errors += _validate_items(volume.config_map.items, f"{path}.configMap")
    claim = volume.persistent_volume_claim
    if claim is not None and not claim.claim_name:
        errors.append(required(f"{path}.persistentVolumeClaim.claimName"))
    if volume.downward_api is not None:
        for index, file in enumerate(volume.downward_api.items):
            at = f"{path}.downwardAPI.items[{index}]"
            errors += _validate_relative(file.path, f"{at}.path")
            if file.field_ref is not None:
                errors += validate_field_path(
                    file.field_ref.field_path, f"{at}.fieldRef.fieldPath", in_volume=True
                )
    if volume.projected is not None:
        errors += _validate_projected(volume, f"{path}.projected")
    return errors


def _validate_projected(volume: Volume, path: str) -> FieldErrors:
    assert volume.projected is not None
    errors: FieldErrors = []
    for index, source in enumerate(volume.projected.sources):
        at = f"{path}.sources[{index}]"
        if len(source.to_wire()) > 1:
            errors.append(forbidden(at, "may not specify more than 1 volume type"))
        for name, ref in (("secret", source.secret), ("configMap", source.config_map)):
            if ref is None:
                continue
            if not ref.name:
                errors.append(required(f"{at}.{name}.name"))
            errors += _validate_items(ref.items, f"{at}.{name}")
        token = source.service_account_token
        if token is not None:
            if not token.path:
                errors.append(required(f"{at}.serviceAccountToken.path"))
            if token.expiration_seconds is not None and token.expiration_seconds < 600:
                field = f"{at}.serviceAccountToken.expirationSeconds"
                detail = "may not specify a duration less than 10 minutes"
                errors.append(invalid(field, token.expiration_seconds, detail))
    return errors


def _validate_items(items: list[KeyToPath], path: str) -> FieldErrors:
    errors: FieldErrors = []
    for index, item in enumerate(items):
        at = f"{path}.items[{index}]"
        if not item.key:
            errors.append(required(f"{at}.key"))
        else:
            errors += first_of(config_key_faults(item.key), f"{at}.key", item.key)
        errors += _validate_relative(item.path, f"{at}.path")
        if item.mode is not None and not 0 <= item.mode <= 0o777:
            detail = "must be a number between 0 and 0777 (octal), both inclusive"
            errors.append(invalid(f"{at}.mode", item.mode, detail))
    return errors


def _validate_relative(value: str, path: str) -> FieldErrors:
    if not value:
        return [required(path)]
    if value.startswith("/"):
        return [invalid(path, value, "must be a relative path")]
    if ".." in value.split("/"):
        return [invalid(path, value, "must not contain '..'")]
    if value.startswith(".."):
        return [invalid(path, value, "must not start with '..'")]
    return []


def validate_pod_template(template: PodTemplateSpec, path: str) -> FieldErrors:
    """Check a template: labels and pod spec."""
    errors = validate_labels(template.metadata.labels, f"{path}.metadata.labels")
    errors += validate_pod_spec(template.spec, f"{path}.spec")
    if template.spec.ephemeral_containers:
        detail = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(f"{path}.spec.ephemeralContainers", detail))
    return errors


def validate_pod(pod: Pod, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Check a pod; on update, that only what may change has changed."""
    if context.subresource == "status":
        return []
    errors = validate_pod_spec(pod.spec, "spec")
    if not isinstance(old, Pod):
        if pod.spec.ephemeral_containers:
            detail = "ephemeral containers cannot be set when creating a pod"
            errors.append(forbidden("spec.ephemeralContainers", detail))
        return errors
    if context.subresource == "ephemeralcontainers":
        return errors + _validate_ephemeral_update(pod, old)
    if context.subresource:
        return errors
    return errors + _validate_update(pod.spec, old.spec)


def _validate_ephemeral_update(pod: Pod, old: Pod) -> FieldErrors:
    current = {c.name: c for c in pod.spec.ephemeral_containers}
    for before in old.spec.ephemeral_containers:
        after = current.get(before.name)
        if after is None:
            detail = f"existing ephemeral containers {before.name!r} may not be removed"
            return [forbidden("spec.ephemeralContainers", detail)]
        if after != before:
            detail = f"existing ephemeral containers {before.name!r} may not be changed"
            return [forbidden("spec.ephemeralContainers", detail)]
    return []


def _validate_update(new: PodSpec, old: PodSpec) -> FieldErrors:
    errors: FieldErrors = []
    if len(new.containers) != len(old.containers):
        return [forbidden("spec.containers", "pod updates may not add or remove containers")]
    if len(new.init_containers) != len(old.init_containers):
        return [forbidden("spec.initContainers", "pod updates may not add or remove containers")]
    before, after = old.active_deadline_seconds, new.active_deadline_seconds
    if before is not None and (after is None or after > before):
        detail = (
            "must be less than or equal to previous value"
            if after is not None
            else "must not update from a positive integer to nil value"
        )
        errors.append(invalid("spec.activeDeadlineSeconds", after, detail))
    kept = new.tolerations[: len(old.tolerations)]
    if kept != old.tolerations:
        errors.append(forbidden("spec.tolerations", "existing toleration can not be modified"))
    masked = new.deep_copy()
    for ours, theirs in (
        *zip(masked.containers, old.containers, strict=True),
        *zip(masked.init_containers, old.init_containers, strict=True),
    ):
        ours.image = theirs.image
    masked.active_deadline_seconds = old.active_deadline_seconds
    masked.tolerations = old.tolerations
    if not old.node_name:
        masked.node_name = ""  # binding: a pod finds its node once
    if (old.termination_grace_period_seconds or 0) < 0:
        masked.termination_grace_period_seconds = old.termination_grace_period_seconds
    if masked != old:
        changed = sorted(
            key
            for key in {**masked.to_wire(), **old.to_wire()}
            if masked.to_wire().get(key) != old.to_wire().get(key)
        )
        detail = f"{UPDATE_FORBIDDEN}; changed: {', '.join(changed)}"
        errors.append(forbidden("spec", detail))
    return errors
