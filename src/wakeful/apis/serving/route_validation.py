"""What is wrong with a Route, or with the traffic part of a Service."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_key_name,
    invalid_value,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_1035_label_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving import register
from wakeful.apis.serving.metadata_validation import (
    validate_object_metadata,
    validate_owner_label,
    validate_rollout_duration,
    validate_user_info,
)
from wakeful.apis.serving.route_types import Route
from wakeful.apis.serving.traffic_types import TrafficTarget

_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_QUALIFIED_MESSAGE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def validate_route(route: Route, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Every fault of a Route."""
    if context.subresource == "status":
        return []
    metadata = route.metadata
    errors = validate_object_metadata(metadata)
    errors += validate_owner_label(metadata, register.SERVICE, "Service")
    errors += under("annotations", validate_rollout_duration(metadata.annotations))
    errors = under("metadata", errors)
    errors += under("spec.traffic", validate_traffic(route.spec.traffic, of_service=False))
    if isinstance(old, Route) and not metadata.owner_references:
        faults = validate_user_info(old.metadata, metadata, old.spec, route.spec)
        errors += under("metadata.annotations", faults)
    return errors


def validate_traffic(targets: Sequence[TrafficTarget], *, of_service: bool) -> FieldErrors:
    """Faults of a routing table; paths start below ``traffic``.

    In a Service, targets without a Revision follow its own Configuration and cannot name one.
    """
    errors: FieldErrors = []
    first: dict[str, int] = {}
    for i, target in enumerate(targets):
        errors += under_index("", i, _validate_target(target, of_service=of_service))
        if not target.tag:
            continue
        if faults := dns_1035_label_faults(target.tag):
            message = f"not a DNS 1035 label: [{' '.join(faults)}]"
            errors.append(invalid_value(message, f"tag[{i}]"))
        if target.tag in first:
            paths = (f"[{i}].tag", f"[{first[target.tag]}].tag")
            errors.append(FieldError(f'Multiple definitions for "{target.tag}"', paths))
        else:
            first[target.tag] = i
    total = sum(target.percent or 0 for target in targets)
    if total != 100:
        errors.append(FieldError(f"Traffic targets sum to {total}, want 100", ("",)))
    return errors


def _validate_target(target: TrafficTarget, *, of_service: bool) -> FieldErrors:
    errors: FieldErrors = []
    latest, pinned = target.latest_revision, bool(target.revision_name)
    if latest is not None and latest == pinned:
        message = (
            f'may not set revisionName "{target.revision_name}" when latestRevision is'
            f" {'true' if latest else 'false'}"
        )
        errors.append(FieldError(message, ("latestRevision",)))
    errors += _validate_reference(target, of_service=of_service)
    if target.percent is not None and not 0 <= target.percent <= 100:
        errors.append(out_of_bounds(target.percent, 0, 100, "percent"))
    if target.url:
        errors.append(disallowed_fields("url"))
    return errors


def _validate_reference(target: TrafficTarget, *, of_service: bool) -> FieldErrors:
    if of_service and target.configuration_name:
        return [disallowed_fields("configurationName")]
    if target.revision_name and target.configuration_name:
        return [multiple_one_of("revisionName", "configurationName")]
    for path, name in (
        ("revisionName", target.revision_name),
        ("configurationName", target.configuration_name),
    ):
        if name:
            valid = _QUALIFIED.fullmatch(name)
            return [] if valid else [invalid_key_name(name, path, _QUALIFIED_MESSAGE)]
    return [] if of_service else [missing_one_of("revisionName", "configurationName")]
