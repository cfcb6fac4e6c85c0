"""Custom resource definitions: what is filled in, what is refused, and what acceptance means."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.fields import (
    FieldErrors,
    duplicate,
    invalid,
    not_supported,
    required,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import dns_1035_label_faults, dns_subdomain_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.apiextensions.crd_types import (
    ESTABLISHED,
    NAMES_ACCEPTED,
    CustomResourceDefinition,
    CustomResourceDefinitionCondition,
    CustomResourceDefinitionVersion,
    DefinitionSpec,
)
from wakeful.apis.apiextensions.schema_validation import validate_schema
from wakeful.apis.core.rules import first_of, validate_choice, validate_immutable

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")


def set_crd_defaults(
    new: CustomResourceDefinition, old: Object | None, context: AdmissionContext
) -> None:
    """Singular and list kind follow from the kind; nothing is converted."""
    names = new.spec.names
    names.singular = names.singular or names.kind.lower()
    if names.kind:
        names.list_kind = names.list_kind or f"{names.kind}List"
    if new.spec.conversion is None:
        new.spec.conversion = {"strategy": "None"}
    for version in new.spec.versions:
        if version.served is None:
            version.served = False
        if version.storage is None:
            version.storage = False
        if version.deprecated and version.deprecation_warning is None:
            version.deprecation_warning = (
                f"{new.spec.group}/{version.name} {names.kind} is deprecated"
            )


def validate_crd(
    new: CustomResourceDefinition, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """The name says plural and group; exactly one version is stored; schemas are structural."""
    if context.subresource == "status":
        return []
    spec, errors = new.spec, FieldErrors()
    expected = f"{spec.names.plural}.{spec.group}"
    if new.metadata.name and new.metadata.name != expected:
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid("metadata.name", new.metadata.name, detail))
    if not spec.group:
        errors.append(required("spec.group"))
    else:
        errors += first_of(dns_subdomain_faults(spec.group), "spec.group", spec.group)
        if "." not in spec.group:
            detail = "should be a domain with at least one dot"
            errors.append(invalid("spec.group", spec.group, detail))
    errors += validate_choice(spec.scope, ("Cluster", "Namespaced"), "spec.scope")
    errors += _validate_names(spec)
    errors += _validate_versions(spec)
    strategy = (spec.conversion or {}).get("strategy")
    if strategy not in ("None", "Webhook"):
        errors.append(not_supported("spec.conversion.strategy", strategy, ("None", "Webhook")))
    if isinstance(old, CustomResourceDefinition) and old.status.is_true(ESTABLISHED):
        errors += validate_immutable(spec.scope, old.spec.scope, "spec.scope")
        errors += validate_immutable(spec.names.kind, old.spec.names.kind, "spec.names.kind")
    if isinstance(old, CustomResourceDefinition):
        errors += validate_immutable(spec.group, old.spec.group, "spec.group")
        plural = old.spec.names.plural
        errors += validate_immutable(spec.names.plural, plural, "spec.names.plural")
        served = {v.name for v in spec.versions}
        for index, stored in enumerate(old.status.stored_versions):
            if stored not in served:
                detail = (
                    f"missing from spec.versions; {stored} was previously a storage version, and"
                    f" must remain in spec.versions until a storage migration ensures no data"
                    f" remains persisted in {stored} and removes {stored} from"
                    f" status.storedVersions"
                )
                errors.append(invalid(f"status.storedVersions[{index}]", stored, detail))
    return errors


def _validate_names(spec: DefinitionSpec) -> FieldErrors:
    names, at = spec.names, "spec.names"
    errors: FieldErrors = []
    for name, value in (("plural", names.plural), ("singular", names.singular)):
        if not value:
            errors.append(required(f"{at}.{name}"))
        else:
            errors += first_of(dns_1035_label_faults(value), f"{at}.{name}", value)
    for name, value in (("kind", names.kind), ("listKind", names.list_kind)):
        if not value:
            errors.append(required(f"{at}.{name}"))
        else:
            faults = dns_1035_label_faults(value.lower())
            errors += first_of(
                [f"may have mixed case, but should otherwise match: {f}" for f in faults],
                f"{at}.{name}",
                value,
            )
    if names.kind and names.kind == names.list_kind:
        detail = "kind and listKind may not be the same"
        errors.append(invalid(f"{at}.listKind", names.list_kind, detail))
    for index, short in enumerate(names.short_names):
        errors += first_of(dns_1035_label_faults(short), f"{at}.shortNames[{index}]", short)
    for index, category in enumerate(names.categories):
        faults = dns_1035_label_faults(category)
        errors += first_of(faults, f"{at}.categories[{index}]", category)
    return errors


def _validate_versions(spec: DefinitionSpec) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, version in enumerate(spec.versions):
        at = f"spec.versions[{index}]"
        errors += first_of(dns_1035_label_faults(version.name), f"{at}.name", version.name)
        if version.name in seen:
            errors.append(duplicate(f"{at}.name", version.name))
        seen.add(version.name)
        errors += _validate_version(version, at)
    if not spec.versions:
        errors.append(invalid("spec.versions", [], "must have at least one version"))
    elif sum(bool(v.storage) for v in spec.versions) != 1:
        names = [v.name for v in spec.versions]
        detail = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", names, detail))
    return errors


def _validate_version(version: CustomResourceDefinitionVersion, path: str) -> FieldErrors:
    errors: FieldErrors = []
    schema = version.schema_.open_apiv3_schema if version.schema_ is not None else None
    at = f"{path}.schema.openAPIV3Schema"
    if schema is None:
        errors.append(required(at, "schemas are required"))
    else:
        errors += validate_schema(schema, at)
    for index, column in enumerate(version.additional_printer_columns):
        where = f"{path}.additionalPrinterColumns[{index}]"
        if not column.name:
            errors.append(required(f"{where}.name"))
        if not column.type:
            errors.append(required(f"{where}.type"))
        elif column.type not in _COLUMN_TYPES:
            errors.append(not_supported(f"{where}.type", column.type, _COLUMN_TYPES))
        if not column.json_path:
            errors.append(required(f"{where}.jsonPath"))
    scale = version.subresources.scale if version.subresources is not None else None
    if scale is not None:
        for name, value, prefix in (
            ("specReplicasPath", scale.spec_replicas_path, ".spec."),
            ("statusReplicasPath", scale.status_replicas_path, ".status."),
        ):
            where = f"{path}.subresources.scale.{name}"
            if not value:
                errors.append(required(where))
            elif not value.startswith(prefix):
                detail = f"should be a json path under {prefix[:-1]}"
                errors.append(invalid(where, value, detail))
    return errors


def accept(crd: CustomResourceDefinition, now: datetime) -> None:
    """Say in the status that the kind is served under its own names."""
    status = crd.status
    status.accepted_names = crd.spec.names.deep_copy()
    for version in crd.spec.versions:
        if version.storage and version.name not in status.stored_versions:
            status.stored_versions.append(version.name)
    _set_condition(crd, NAMES_ACCEPTED, "NoConflicts", "no conflicts found", now)
    message = "the initial names have been accepted"
    _set_condition(crd, ESTABLISHED, "InitialNamesAccepted", message, now)


def _set_condition(
    crd: CustomResourceDefinition, kind: str, reason: str, message: str, now: datetime
) -> None:
    if crd.status.is_true(kind):
        return
    new = CustomResourceDefinitionCondition(
        type=kind, status="True", last_transition_time=now, reason=reason, message=message
    )
    crd.status.conditions = set_status_condition(crd.status.conditions, new)
