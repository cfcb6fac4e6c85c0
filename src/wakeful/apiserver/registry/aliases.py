"""Kinds served a second time under another group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.events import FIELDS, GVK, from_core, to_core
from wakeful.apiserver.registry.served import Served

_CORE_PATHS = {".regarding": ".involvedObject", ".reportingController": ".reportingComponent"}


def aliases(scheme: Scheme) -> Iterator[Served]:
    """Core events as ``events.k8s.io/v1``."""
    events = scheme.by_plural("", "events")
    if events is not None:
        fields = {name: _core_path(path) for name, path in FIELDS.items()}
        yield Served(replace(events, fields=fields), GVK, to_core, from_core)


def _core_path(path: str) -> str:
    """The same field in the stored spelling, which is what selectors see."""
    for new, core in _CORE_PATHS.items():
        if path == new or path.startswith(f"{new}."):
            return core + path.removeprefix(new)
    return path
