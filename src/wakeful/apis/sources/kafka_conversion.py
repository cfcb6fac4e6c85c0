"""Reading KafkaSources of 2019: lists were strings with commas, sinks were flat."""

from __future__ import annotations

from typing import Any

from wakeful.apis.duck.destination_conversion import Wire, as_object, unflatten


def normalize_kafka_source(data: Wire) -> Wire:
    """Rewrite an object; what is in today's shape already stays."""
    if not isinstance(data.get("spec"), dict):
        return data
    spec = dict(as_object(data["spec"]))
    for name in ("bootstrapServers", "topics"):
        if name in spec:
            spec[name] = split_list(spec[name])
    if "sink" in spec:
        spec["sink"] = unflatten(spec["sink"], "spec.sink")
    return data | {"spec": spec}


def split_list(value: Any) -> Any:
    """``a, b`` is ``[a, b]``; wrong types are the model's to refuse."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]
