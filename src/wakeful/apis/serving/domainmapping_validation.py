"""What is wrong with a DomainMapping."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    missing_field,
    under,
)
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.names import dns_label_faults, dns_subdomain_faults
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import KReference
from wakeful.apis.serving import register
from wakeful.apis.serving.domainmapping_types import DomainMapping
from wakeful.apis.serving.metadata_validation import validate_user_info


def validate_domainmapping(
    mapping: DomainMapping, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    errors = under("metadata", _validate_name(mapping.metadata))
    errors += under("spec.ref", _validate_reference(mapping.spec.ref, mapping.metadata.namespace))
    if isinstance(old, DomainMapping):
        faults = validate_user_info(old.metadata, mapping.metadata, old.spec, mapping.spec)
        errors += under("metadata.annotations", faults)
    return errors


def _validate_name(metadata: ObjectMeta) -> FieldErrors:
    errors: FieldErrors = []
    if metadata.generate_name:
        errors.append(disallowed_fields("generateName"))
    name = metadata.name
    if fault := domain_fault(name):
        errors.append(FieldError(f'invalid name "{name}": name: {fault}', ("name",)))
    if name.endswith(f".{register.CLUSTER_DOMAIN}"):
        message = (
            f'invalid name "{name}": must not be a subdomain of cluster local domain'
            f' "{register.CLUSTER_DOMAIN}"'
        )
        errors.append(FieldError(message, ("name",)))
    return errors


def domain_fault(name: str) -> str:
    """Why ``name`` is no fully qualified domain; empty when it is one."""
    if not name:
        return "Required value"
    faults = dns_subdomain_faults(name.removesuffix("."))
    if not faults and name.count(".") < 1:
        faults = ["should be a domain with at least two segments separated by dots"]
    if not faults:
        faults = [
            fault
            for label in name.removesuffix(".").split(".")
            for fault in dns_label_faults(label)
        ]
    return f'Invalid value: "{name}": {faults[0]}' if faults else ""


def _validate_reference(ref: KReference, namespace: str) -> FieldErrors:
    wanted = (("name", ref.name), ("apiVersion", ref.api_version), ("kind", ref.kind))
    errors = [missing_field(path) for path, value in wanted if not value]
    if ref.group:
        errors.append(disallowed_fields("group"))
    if ref.namespace and namespace and ref.namespace != namespace:
        details = f'parent namespace: "{namespace}" does not match ref: "{ref.namespace}"'
        errors.append(FieldError("mismatched namespaces", ("namespace",), details))
    return errors
