"""Defaults and faults of EventTypes."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, missing_field, under
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features, validate_reference
from wakeful.apis.eventing.eventtype_types import REQUIRED, EventType, EventTypeSpec
from wakeful.apis.messaging.channel_validation import immutable


def set_eventtype_defaults(
    event_type: EventType, old: Object | None, context: AdmissionContext
) -> None:
    """Complete the reference."""
    del old
    ref = event_type.spec.reference
    if context.subresource != "status" and ref is not None and not ref.namespace:
        ref.namespace = event_type.metadata.namespace


def validate_eventtype(
    event_type: EventType, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; everything but the description is immutable."""
    if context.subresource == "status":
        return []
    spec = event_type.spec
    named = {attribute.name for attribute in spec.attributes}
    missing = [name for name in REQUIRED if name not in named]
    errors = [missing_field(*missing).under("spec.attributes")] if missing else []
    if spec.reference is not None:
        faults = validate_reference(spec.reference, load_features(context.config))
        errors += under("spec.reference", faults)
    if isinstance(old, EventType):
        errors += immutable(_fixed(old.spec), _fixed(spec), "spec")
    return errors


def _fixed(spec: EventTypeSpec) -> dict[str, object]:
    return spec.model_copy(update={"description": ""}).to_wire()
