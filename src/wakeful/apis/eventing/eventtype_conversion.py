"""EventTypes before v1beta3: type, source and schema were fields, the Broker once just a name."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.fields import missing_field
from wakeful.apis.duck.destination_conversion import Wire, as_list, as_object, refuse
from wakeful.apis.eventing import register
from wakeful.apis.eventing.eventtype_types import SCHEMA

_MOVED = ("type", "source", "schema", "broker")
_ATTRIBUTES = {"type": "type", "source": "source", "schema": SCHEMA}


def eventtype_to_hub(data: Wire) -> Wire:
    """Rewrite v1beta1 and v1beta2."""
    spec = data.get("spec")
    if not isinstance(spec, dict):
        return data
    if not spec.get("type"):
        refuse([missing_field("spec.type")])
    return data | {"spec": _spec_to_hub(spec)}


def legacy_eventtype_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1, where type and source were required and the Broker had a default."""
    spec = as_object(data.get("spec"))
    missing = [f"spec.{name}" for name in ("type", "source") if not spec.get(name)]
    if missing:
        refuse([missing_field(*missing)])
    return data | {"spec": _spec_to_hub({"broker": register.DEFAULT_BROKER} | spec)}


def _spec_to_hub(spec: Wire) -> Wire:
    hub = {key: value for key, value in spec.items() if key not in _MOVED}
    attributes: list[Wire] = [
        {"name": "specversion", "required": True},
        {"name": "id", "required": True},
        _attribute("type", spec.get("type")),
        _attribute("source", spec.get("source")),
    ]
    if spec.get("schema"):
        attributes.append({"name": SCHEMA, "required": False, "value": spec["schema"]})
    hub["attributes"] = attributes
    if "reference" not in hub and spec.get("broker"):
        hub["reference"] = {
            "apiVersion": f"{register.GROUP}/v1",
            "kind": "Broker",
            "name": spec["broker"],
        }
    return hub


def _attribute(name: str, value: Any) -> Wire:
    attribute: Wire = {"name": name, "required": True}
    return attribute | {"value": value} if value else attribute


def eventtype_from_hub(hub: Wire) -> Wire:
    """Write v1beta1 and v1beta2."""
    spec = as_object(hub.get("spec"))
    if not spec:
        return hub
    values = {
        item.get("name"): item.get("value", "")
        for item in as_list(spec.get("attributes"))
        if isinstance(item, dict)
    }
    fields = {field: values.get(name, "") for field, name in _ATTRIBUTES.items()}
    rest = {key: value for key, value in spec.items() if key != "attributes"}
    return hub | {"spec": {key: value for key, value in fields.items() if value} | rest}


def legacy_eventtype_from_hub(hub: Wire) -> Wire:
    """Write v1alpha1."""
    data = eventtype_from_hub(hub)
    spec = as_object(data.get("spec"))
    ref = as_object(spec.get("reference"))
    rest = {key: value for key, value in spec.items() if key not in ("reference", "schemaData")}
    if ref.get("kind") == "Broker":
        rest["broker"] = ref.get("name", "")
    return data | {"spec": rest}
