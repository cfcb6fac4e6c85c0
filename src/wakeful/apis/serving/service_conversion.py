"""Reading v1alpha1 Services, whose traffic was once one of four modes."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.fields import (
    FieldError,
    disallowed_fields,
    missing_field,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
)
from wakeful.apis.serving.configuration_conversion import configuration_spec_to_hub
from wakeful.apis.serving.conversion import Wire, as_object, refuse
from wakeful.apis.serving.route_conversion import traffic_to_hub

_MODES = ("pinned", "release", "runLatest", "template")
_LATEST_WORD = "@latest"


def service_to_hub(data: Wire) -> Wire:
    """Rewrite an object."""
    if "spec" not in data:
        return data
    spec = as_object(data["spec"])
    errors: list[FieldError] = []
    if spec.get("manual") is not None:
        errors.append(disallowed_fields("spec.manual"))
    modes = [mode for mode in _MODES if spec.get(mode) is not None]
    if not modes and not errors:
        errors.append(missing_one_of(*(f"spec.{mode}" for mode in _MODES)))
    elif len(modes) > 1:
        errors.append(multiple_one_of(*(f"spec.{mode}" for mode in modes)))
    refuse(errors)
    return data | {"spec": _by_mode(modes[0], spec)}


def _by_mode(mode: str, spec: Wire) -> Wire:
    if mode == "template":
        return traffic_to_hub(configuration_spec_to_hub(spec, "spec"), "spec")
    settings = as_object(spec[mode])
    path = f"spec.{mode}"
    if settings.get("configuration") is None:
        refuse([missing_field(f"{path}.configuration")])
    hub = configuration_spec_to_hub(as_object(settings["configuration"]), f"{path}.configuration")
    match mode:
        case "pinned":
            hub["traffic"] = [_target(settings.get("revisionName"), 100)]
        case "release":
            hub["traffic"] = _release(settings)
        case _:
            hub["traffic"] = [{"latestRevision": True, "percent": 100}]
    return hub


def _release(settings: Wire) -> list[Wire]:
    revisions = settings.get("revisions")
    percent = settings.get("rolloutPercent", 0)
    if not isinstance(revisions, list) or not revisions:
        refuse([missing_field("spec.release.revisions")])
        return []
    if len(revisions) > 2:
        refuse([out_of_bounds(len(revisions), 1, 2, "spec.release.revisions")])
    if not isinstance(percent, int) or not 0 <= percent <= 99:
        refuse([out_of_bounds(percent, 0, 99, "spec.release.rolloutPercent")])
    latest = _target(_LATEST_WORD, 0, "latest")
    if len(revisions) == 1:
        return [_target(revisions[0], 100, "current"), latest]
    return [
        _target(revisions[0], 100 - percent, "current"),
        _target(revisions[1], percent, "candidate"),
        latest,
    ]


def _target(revision: Any, percent: int, tag: str = "") -> Wire:
    target: Wire = {"tag": tag} if tag else {}
    if revision == _LATEST_WORD:
        target["latestRevision"] = True
    else:
        target |= {"revisionName": revision or "", "latestRevision": False}
    return target | {"percent": percent}
