"""Rules about ``metadata`` that hold for every kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.fields import FieldErrors, forbidden, invalid, required
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.names import (
    dns_1035_label_faults,
    dns_label_faults,
    dns_subdomain_faults,
)
from wakeful.apimachinery.scheme import Resource

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
ANNOTATIONS_LIMIT_BYTES = 256 * 1024

_NAME_PART = re.compile(r"^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)$")
_NAME_MESSAGE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
    " '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_LABEL_KINDS = frozenset({("", "namespaces")})
_LABEL_1035_KINDS = frozenset({("", "services")})
_PATH_SEGMENT_GROUPS = frozenset({"rbac.authorization.k8s.io"})
_PATH_SEGMENT_KINDS = frozenset({("", "events")})
_STANDARD_FINALIZERS = frozenset({ORPHAN, FOREGROUND, "kubernetes"})


def name_faults(resource: Resource, name: str) -> list[str]:
    """What keeps ``name`` from naming an object of this kind."""
    key = resource.group_resource
    if resource.group in _PATH_SEGMENT_GROUPS or key in _PATH_SEGMENT_KINDS:
        return path_segment_faults(name)
    if key in _LABEL_KINDS:
        return dns_label_faults(name)
    if key in _LABEL_1035_KINDS:
        return dns_1035_label_faults(name)
    return dns_subdomain_faults(name)


def path_segment_faults(name: str) -> list[str]:
    """What keeps ``name`` from being a segment of a URL path."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in name]


def validate_metadata(resource: Resource, meta: ObjectMeta) -> FieldErrors:
    """Every fault of an object's metadata; the name is there already."""
    errors: FieldErrors = []
    errors.extend(
        invalid("metadata.name", meta.name, fault) for fault in name_faults(resource, meta.name)
    )
    if meta.labels:
        errors.extend(validate_labels("metadata.labels", meta.labels))
    if meta.annotations:
        errors.extend(_validate_annotations(meta.annotations))
    for finalizer in meta.finalizers:
        errors.extend(_validate_finalizer(finalizer, free=_names_finalizers_freely(resource)))
    errors.extend(_validate_owners(meta))
    return errors


def validate_labels(path: str, labels: Mapping[str, str]) -> FieldErrors:
    """Keys are qualified names, values short and plain."""
    errors: FieldErrors = []
    for key, value in labels.items():
        errors.extend(invalid(path, key, fault) for fault in qualified_name_faults(key))
        if len(value) > 63:
            errors.append(invalid(path, value, "must be no more than 63 characters"))
        if value and not _NAME_PART.match(value):
            errors.append(invalid(path, value, _VALUE_MESSAGE))
    return errors


def qualified_name_faults(key: str) -> list[str]:
    """What keeps ``key`` from being ``[prefix/]name``."""
    prefix, slash, name = key.rpartition("/")
    faults: list[str] = []
    if slash:
        if not prefix:
            faults.append("prefix part must be non-empty")
        faults.extend(f"prefix part {fault}" for fault in prefix and dns_subdomain_faults(prefix))
    if not name:
        faults.append("name part must be non-empty")
    elif len(name) > 63:
        faults.append("name part must be no more than 63 characters")
    if name and not _NAME_PART.match(name):
        faults.append(_NAME_MESSAGE)
    return faults


def _validate_annotations(annotations: Mapping[str, str]) -> FieldErrors:
    errors: FieldErrors = []
    size = 0
    for key, value in annotations.items():
        faults = qualified_name_faults(key.lower())
        errors.extend(invalid("metadata.annotations", key, fault) for fault in faults)
        size += len(key) + len(value)
    if size > ANNOTATIONS_LIMIT_BYTES:
        errors.append(
            invalid(
                "metadata.annotations", "", f"must have at most {ANNOTATIONS_LIMIT_BYTES} bytes"
            )
        )
    return errors


def _names_finalizers_freely(resource: Resource) -> bool:
    return resource.custom or resource.group == "apiextensions.k8s.io"


def _validate_finalizer(finalizer: str, *, free: bool) -> FieldErrors:
    faults = qualified_name_faults(finalizer)
    if not faults and not free and "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS:
        faults = ["name is neither a standard finalizer name nor is it fully qualified"]
    return [invalid("metadata.finalizers", finalizer, fault) for fault in faults]


def _validate_owners(meta: ObjectMeta) -> FieldErrors:
    errors: FieldErrors = []
    controllers = 0
    for index, ref in enumerate(meta.owner_references):
        path = f"metadata.ownerReferences[{index}]"
        for field, value in (
            ("apiVersion", ref.api_version),
            ("kind", ref.kind),
            ("name", ref.name),
            ("uid", ref.uid),
        ):
            if not value:
                errors.append(required(f"{path}.{field}", "must not be empty"))
        controllers += bool(ref.controller)
    if controllers > 1:
        errors.append(
            invalid(
                "metadata.ownerReferences",
                [ref.to_wire() for ref in meta.owner_references],
                "Only one reference can have Controller set to true",
            )
        )
    return errors


def validate_metadata_update(new: ObjectMeta, old: ObjectMeta) -> FieldErrors:
    """What may not change: finalizers are only taken away from an object being deleted."""
    errors: FieldErrors = []
    if old.deletion_timestamp is not None:
        added = [f for f in new.finalizers if f not in old.finalizers]
        if added:
            errors.append(
                forbidden(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted,"
                    f" found new finalizers {_go_list(added)}",
                )
            )
    return errors


def _go_list(values: list[str]) -> str:
    quoted = ", ".join(f'"{v}"' for v in values)
    return f"[]string{{{quoted}}}"


def spec_of(wire: Mapping[str, Any]) -> dict[str, Any]:
    """What counts for ``generation``: everything but metadata and status."""
    return {k: v for k, v in wire.items() if k not in ("metadata", "status")}


_NO_GENERATION = frozenset(
    {"namespaces", "services", "nodes", "persistentvolumes", "persistentvolumeclaims", "events"}
)


def counts_generations(resource: Resource) -> bool:
    """Whether objects of this kind carry a generation."""
    if resource.custom:
        return True
    if resource.group == "":
        return resource.has_status and resource.plural not in _NO_GENERATION
    return resource.has_status
