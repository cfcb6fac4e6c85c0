"""What a SinkBinding puts into a pod template, and how it is taken out again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from wakeful.apis.core.container_types import Container, EnvVar
from wakeful.apis.duck import CloudEventOverrides
from wakeful.apis.sources import SinkBinding

Wire = dict[str, Any]

SINK, OVERRIDES, CERTIFICATES = "K_SINK", "K_CE_OVERRIDES", "K_CA_CERTS"
_OURS = (SINK, OVERRIDES, CERTIFICATES)


def environment_of(
    sink_uri: str, ca_certs: str, overrides: CloudEventOverrides | None
) -> dict[str, str]:
    """The variables that tell a program where its events go."""
    found = {SINK: sink_uri}
    if ca_certs:
        found[CERTIFICATES] = ca_certs
    extensions = dict(overrides.extensions) if overrides is not None else None
    text = orjson.dumps({"extensions": extensions}).decode() if extensions is not None else ""
    return found | {OVERRIDES: text}


def environment_of_binding(binding: SinkBinding) -> dict[str, str] | None:
    """The same for a binding; None while its sink is unknown."""
    status = binding.status
    if not status.sink_uri:
        return None
    return environment_of(status.sink_uri, status.sink_ca_certs, binding.spec.ce_overrides)


def bind_env(env: Sequence[Wire], environment: Mapping[str, str]) -> list[Wire]:
    """The variables of a container with ours at the end; nothing of ours when there is nothing."""
    rest = [variable for variable in env if variable.get("name") not in _OURS]
    added = [
        {"name": name, "value": value} if value else {"name": name}
        for name, value in environment.items()
    ]
    return [*rest, *added]


def bind_containers(containers: Sequence[Container], environment: Mapping[str, str]) -> None:
    """Do so to containers, in place."""
    for container in containers:
        env = bind_env([variable.to_wire() for variable in container.env], environment)
        container.env = [EnvVar.from_wire(variable) for variable in env]


def bind_template(obj: Wire, environment: Mapping[str, str]) -> Wire | None:
    """The part of an object that has to change, as a merge patch; None when nothing has to."""
    pod = _dig(obj, "spec", "template", "spec")
    patch: Wire = {}
    for field in ("containers", "initContainers"):
        have = pod.get(field)
        if not isinstance(have, list) or not have:
            continue
        want = [_bound(container, environment) for container in have]
        if want != have:
            patch[field] = want
    return {"spec": {"template": {"spec": patch}}} if patch else None


def _bound(container: Wire, environment: Mapping[str, str]) -> Wire:
    env = bind_env(container.get("env") or [], environment)
    rest = {key: value for key, value in container.items() if key != "env"}
    return rest | {"env": env} if env else rest


def _dig(obj: Wire, *path: str) -> Wire:
    for name in path:
        found = obj.get(name)
        if not isinstance(found, dict):
            return {}
        obj = found
    return obj
