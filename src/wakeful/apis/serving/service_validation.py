"""What is wrong with a Service."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, under
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving.metadata_validation import (
    validate_object_metadata,
    validate_rollout_duration,
    validate_user_info,
)
from wakeful.apis.serving.revision_validation import validate_name_change, validate_template
from wakeful.apis.serving.route_validation import validate_traffic
from wakeful.apis.serving.service_types import Service


def validate_service(
    service: Service, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; a write of the status alone is not held against the spec."""
    if context.subresource == "status":
        return []
    metadata, spec = service.metadata, service.spec
    errors = validate_object_metadata(metadata)
    errors += under("annotations", validate_rollout_duration(metadata.annotations))
    errors = under("metadata", errors)
    errors += under("spec.template", validate_template(spec.template, metadata, context))
    errors += under("spec.traffic", validate_traffic(spec.traffic, of_service=True))
    if isinstance(old, Service):
        faults = validate_user_info(old.metadata, metadata, old.spec, spec)
        errors += under("metadata.annotations", faults)
        errors += under("spec.template", validate_name_change(spec.template, old.spec.template))
    return errors
