"""What is wrong with a Configuration."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, under
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving import register
from wakeful.apis.serving.configuration_types import Configuration
from wakeful.apis.serving.metadata_validation import (
    validate_object_metadata,
    validate_owner_label,
    validate_user_info,
)
from wakeful.apis.serving.revision_validation import validate_name_change, validate_template


def validate_configuration(
    configuration: Configuration, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; a write of the status alone is not held against the spec."""
    if context.subresource == "status":
        return []
    metadata, spec = configuration.metadata, configuration.spec
    errors = validate_object_metadata(metadata)
    errors += validate_owner_label(metadata, register.SERVICE, "Service")
    errors = under("metadata", errors)
    errors += under("spec.template", validate_template(spec.template, metadata, context))
    if isinstance(old, Configuration):
        if not metadata.owner_references:
            faults = validate_user_info(old.metadata, metadata, old.spec, spec)
            errors += under("metadata.annotations", faults)
        errors += under("spec.template", validate_name_change(spec.template, old.spec.template))
    return errors
