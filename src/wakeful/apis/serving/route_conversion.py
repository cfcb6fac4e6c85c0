"""Reading v1alpha1 Routes."""

from __future__ import annotations

from typing import Any

from wakeful.apis.serving.conversion import Wire, as_object, exclusive, refuse


def route_to_hub(data: Wire) -> Wire:
    """Rewrite an object."""
    if "spec" not in data:
        return data
    return data | {"spec": traffic_to_hub(as_object(data["spec"]), "spec")}


def traffic_to_hub(spec: Wire, path: str) -> Wire:
    """A target's ``name`` becomes its ``tag``."""
    traffic = spec.get("traffic")
    if not isinstance(traffic, list):
        return spec
    return spec | {"traffic": [_target(t, f"{path}.traffic[{i}]") for i, t in enumerate(traffic)]}


def _target(target: Any, path: str) -> Any:
    if not isinstance(target, dict) or target.get("name") is None:
        return target
    refuse(exclusive(target, path, "name", "tag"))
    hub = dict(target)
    hub["tag"] = hub.pop("name")
    return hub
