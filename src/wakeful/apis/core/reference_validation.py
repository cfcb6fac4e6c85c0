"""Rules for references to objects of the same namespace, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, disallowed_fields, missing_field
from wakeful.apis.core.reference_types import ObjectReference


def validate_local_reference(reference: ObjectReference) -> FieldErrors:
    """Every fault of a reference that names kind and object, and nothing else."""
    if reference == ObjectReference():
        return [missing_field("")]
    forbidden = {
        "namespace": reference.namespace,
        "fieldPath": reference.field_path,
        "resourceVersion": reference.resource_version,
        "uid": reference.uid,
    }
    required = {
        "apiVersion": reference.api_version,
        "kind": reference.kind,
        "name": reference.name,
    }
    errors = [disallowed_fields(path) for path, value in forbidden.items() if value]
    return errors + [missing_field(path) for path, value in required.items() if not value]
