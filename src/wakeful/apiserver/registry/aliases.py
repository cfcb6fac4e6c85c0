"""Kinds served a second time under another group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.events import FIELDS, GVK, from_core, to_core
from wakeful.apis.flows import register as flows
from wakeful.apiserver.registry.served import Served

_CORE_PATHS = {".regarding": ".involvedObject", ".reportingController": ".reportingComponent"}


def aliases(scheme: Scheme) -> Iterator[Served]:
    """Core events as ``events.k8s.io/v1``; Sequences and Parallels in their group of 2019."""
    events = scheme.by_plural("", "events")
    if events is not None:
        fields = {name: _core_path(path) for name, path in FIELDS.items()}
        yield Served(replace(events, fields=fields), GVK, to_core, from_core)
    yield from _legacy_flows(scheme)


def _legacy_flows(scheme: Scheme) -> Iterator[Served]:
    for plural in ("sequences", "parallels"):
        resource = scheme.by_plural(flows.GROUP, plural)
        if resource is None:
            continue
        version = next(v for v in resource.served_versions if v.name == flows.LEGACY_VERSION)
        yield Served(
            replace(resource, categories=()),  # ``get all`` shows every object once
            GroupVersionKind(flows.LEGACY_GROUP, flows.LEGACY_VERSION, resource.kind),
            version.to_hub,
            version.from_hub,
        )


def _core_path(path: str) -> str:
    """The same field in the stored spelling, which is what selectors see."""
    for new, core in _CORE_PATHS.items():
        if path == new or path.startswith(f"{new}."):
            return core + path.removeprefix(new)
    return path
