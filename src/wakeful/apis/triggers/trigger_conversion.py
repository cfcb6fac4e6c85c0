"""Older spellings of triggers: interceptors in place, references called ``name``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AnyDict = dict[str, Any]

_IN_PLACE = ("github", "gitlab", "bitbucket", "cel", "slack")


def trigger_to_hub(wire: AnyDict) -> AnyDict:
    """Rewrite a Trigger."""
    return _rewrite_spec(wire, _convert_trigger)


def listener_to_hub(wire: AnyDict) -> AnyDict:
    """Rewrite an EventListener."""
    return _rewrite_spec(wire, _convert_listener)


def _rewrite_spec(wire: AnyDict, convert: Any) -> AnyDict:
    spec = wire.get("spec")
    return {**wire, "spec": convert(spec)} if isinstance(spec, Mapping) else wire


def _convert_listener(spec: Mapping[str, Any]) -> AnyDict:
    result = dict(spec)
    if isinstance(spec.get("triggers"), list):
        result["triggers"] = [_each(item, _convert_trigger) for item in spec["triggers"]]
    if isinstance(spec.get("triggerGroups"), list):
        result["triggerGroups"] = [_each(item, _interceptors) for item in spec["triggerGroups"]]
    return result


def _convert_trigger(spec: Mapping[str, Any]) -> AnyDict:
    result = _interceptors(spec)
    if isinstance(result.get("bindings"), list):
        result["bindings"] = [_each(item, _binding) for item in result["bindings"]]
    template = result.get("template")
    if isinstance(template, Mapping) and "name" in template and "ref" not in template:
        rest = {key: value for key, value in template.items() if key != "name"}
        result["template"] = {**rest, "ref": template["name"]}
    return result


def _binding(item: Mapping[str, Any]) -> AnyDict:
    """A bare name is what 2020 called the reference."""
    if "name" in item and not {"value", "ref"} & set(item):
        rest = {key: value for key, value in item.items() if key != "name"}
        return {**rest, "ref": item["name"]}
    return dict(item)


def _interceptors(spec: Mapping[str, Any]) -> AnyDict:
    result = dict(spec)
    if isinstance(spec.get("interceptors"), list):
        result["interceptors"] = [_each(item, _interceptor) for item in spec["interceptors"]]
    return result


def _interceptor(item: Mapping[str, Any]) -> AnyDict:
    for name in _IN_PLACE:
        settings = item.get(name)
        if isinstance(settings, Mapping):
            rest = {key: value for key, value in item.items() if key != name}
            params = [{"name": key, "value": value} for key, value in settings.items()]
            ref = {"name": name, "kind": "ClusterInterceptor"}
            return {**rest, "ref": ref, "params": params}
    return dict(item)


def _each(item: Any, convert: Any) -> Any:
    return convert(item) if isinstance(item, Mapping) else item
