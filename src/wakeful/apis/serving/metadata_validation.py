"""What is wrong with names, labels and annotations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_key_name,
    invalid_value,
    missing_field,
    out_of_bounds,
    under,
    under_key,
)
from wakeful.apimachinery.goscalars import format_float, parse_float
from wakeful.apimachinery.meta import APIModel, ObjectMeta
from wakeful.apimachinery.names import dns_1035_label_faults
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.autoscaling import AnnotationLimits, validate_annotations
from wakeful.apis.autoscaling.annotations import GROUP as AUTOSCALING_GROUP
from wakeful.apis.autoscaling.annotations import AnnotationKey
from wakeful.apis.serving import register

_NETWORKING_KEYS = frozenset(
    spelling
    for key in (
        register.INGRESS_CLASS,
        register.CERTIFICATE_CLASS,
        register.DISABLE_EXTERNAL_TLS,
        register.HTTP_PROTOCOL,
    )
    for spelling in key.spellings
)


def validate_object_metadata(
    metadata: ObjectMeta, *, autoscaling: AnnotationLimits | None = None
) -> FieldErrors:
    """Faults of an object's own metadata; paths start below ``metadata``.

    Autoscaling annotations are checked against ``autoscaling``, and refused when it is None.
    """
    errors = _validate_name(metadata)
    if autoscaling is not None:
        faults = validate_annotations(metadata.annotations, autoscaling)
    else:
        faults = [
            invalid_key_name(
                key,
                "",
                'autoscaling annotations must be put under "spec.template.metadata.annotations"'
                " to work",
            )
            for key in metadata.annotations
            if key.startswith(AUTOSCALING_GROUP)
        ]
    return errors + under("annotations", faults)


def _validate_name(metadata: ObjectMeta) -> FieldErrors:
    if metadata.generate_name and (faults := label_prefix_faults(metadata.generate_name)):
        message = f"not a DNS 1035 label prefix: [{' '.join(faults)}]"
        return [FieldError(message, ("generateName",))]
    if metadata.name and (faults := dns_1035_label_faults(metadata.name)):
        return [FieldError(f"not a DNS 1035 label: [{' '.join(faults)}]", ("name",))]
    if not metadata.name and not metadata.generate_name:
        return [FieldError("name or generateName is required", ("name",))]
    return []


def label_prefix_faults(prefix: str) -> list[str]:
    """What keeps ``prefix`` from beginning a label; a dash at its end is fine."""
    masked = prefix[:-1] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
    return dns_1035_label_faults(masked)


def validate_revision_name(template: ObjectMeta, parent: ObjectMeta) -> FieldErrors:
    """Faults of a name the user chose for the Revision; paths start below the template."""
    if template.generate_name and (faults := label_prefix_faults(template.generate_name)):
        message = f"not a DNS 1035 label prefix: [{' '.join(faults)}]"
        return [invalid_value(message, "metadata.generateName")]
    if not template.name:
        return []
    if faults := dns_1035_label_faults(template.name):
        return [invalid_value(f"not a DNS 1035 label: [{' '.join(faults)}]", "metadata.name")]
    if not parent.name and parent.generate_name:
        return [disallowed_fields("metadata.name")]
    prefix = f"{parent.name}-"
    if not template.name.startswith(prefix):
        return [invalid_value(f'"{template.name}" must have prefix "{prefix}"', "metadata.name")]
    return []


def validate_owner_label(metadata: ObjectMeta, label: str, kind: str) -> FieldErrors:
    """A label that names the owner must name one of the owners; paths start below ``metadata``."""
    value = metadata.labels.get(label)
    if value is None:
        return []
    if any(ref.kind == kind and ref.name == value for ref in metadata.owner_references):
        return []
    return [missing_field(f"labels.{label}")]


def validate_user_info(
    old: ObjectMeta, new: ObjectMeta, old_spec: APIModel, new_spec: APIModel
) -> FieldErrors:
    """Who created and who changed the object is not for users to say; below ``annotations``."""
    errors: FieldErrors = []
    if old.annotations.get(register.CREATOR) != new.annotations.get(register.CREATOR):
        errors.append(FieldError("annotation value is immutable", (register.CREATOR,)))
    modifier = new.annotations.get(register.LAST_MODIFIER)
    if old_spec == new_spec and old.annotations.get(register.LAST_MODIFIER) != modifier:
        errors.append(invalid_value(modifier or "", register.LAST_MODIFIER))
    return errors


def validate_networking_annotations(annotations: Mapping[str, str]) -> FieldErrors:
    """Only known keys of the public networking group may be used."""
    return [
        invalid_key_name(key, "")
        for key in annotations
        if key.startswith(register.NETWORKING_GROUP) and key not in _NETWORKING_KEYS
    ]


def validate_rollout_duration(annotations: Mapping[str, str]) -> FieldErrors:
    """A gradual rollout lasts whole seconds."""
    return _validate_seconds(annotations, register.ROLLOUT_DURATION, "rollout-duration")


def validate_progress_deadline(annotations: Mapping[str, str]) -> FieldErrors:
    """A deadline is whole seconds."""
    return _validate_seconds(annotations, register.PROGRESS_DEADLINE, "progress-deadline")


def _validate_seconds(annotations: Mapping[str, str], key: AnnotationKey, name: str) -> FieldErrors:
    found = key.find(annotations)
    if not found or not found[1]:
        return []
    path, text = found
    try:
        duration = parse_duration(text)
    except ValueError:
        return [invalid_value(text, path)]
    if duration % timedelta(seconds=1):
        return [FieldError(f"{name}={text} is not at second precision", (path,))]
    if duration < timedelta():
        return [FieldError(f"{name}={text} must be positive", (path,))]
    return []


def validate_queue_annotations(annotations: Mapping[str, str]) -> tuple[FieldErrors, FieldErrors]:
    """Faults of the queue-proxy's resource annotations, and warnings about them."""
    errors: FieldErrors = []
    warnings: FieldErrors = []
    if found := register.QUEUE_RESOURCE_PERCENTAGE.find(annotations):
        key, text = found
        message = (
            "Queue proxy resource percentage annotation is deprecated. Please use the available"
            " annotations to explicitly set resource values per service"
        )
        warnings += under_key("", key, [FieldError(message)])
        try:
            value = parse_float(text)
        except ValueError:
            errors += under_key("", key, [invalid_value(text, "")])
        else:
            if not 0.1 <= value <= 100:
                fault = out_of_bounds(format_float(value), "0.1", "100", "")
                errors += under_key("", key, [fault])
    for key in register.QUEUE_RESOURCES:
        if key in annotations:
            try:
                parse_quantity(annotations[key])
            except ValueError:
                errors += under_key("", key, [invalid_value(annotations[key], "")])
    return errors, warnings
