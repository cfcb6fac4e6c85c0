from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis import eventing, flows, messaging, sinks

SCHEME = Scheme((*eventing.RESOURCES, *messaging.RESOURCES, *flows.RESOURCES, *sinks.RESOURCES))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Maps = Mapping[str, Mapping[str, str]]


class Admit(Protocol):
    """Converts, defaults and validates as the server does; returns the object and the denial."""

    def __call__(
        self,
        wire: dict[str, Any],
        old: Object | None = None,
        *,
        maps: Maps | None = None,
        username: str = "",
    ) -> tuple[Any, str]: ...


def convert(wire: dict[str, Any]) -> dict[str, Any]:
    """The hub's form of a document of any version."""
    group, _, version = wire["apiVersion"].rpartition("/")
    resource = SCHEME.by_kind(group, wire["kind"]) or SCHEME.by_kind(
        "flows.knative.dev", wire["kind"]
    )
    assert resource is not None
    found = next((v for v in resource.served_versions if v.name == version), None)
    hub = found.to_hub(wire) if found is not None and found.to_hub is not None else wire
    return hub | {"apiVersion": resource.gvk.api_version, "kind": resource.kind}


def _admit(
    wire: dict[str, Any],
    old: Object | None = None,
    *,
    maps: Maps | None = None,
    username: str = "",
) -> tuple[Any, str]:
    hub = convert(wire)
    hub["metadata"] = {"name": "x", "namespace": "default"} | hub.get("metadata", {})
    obj: Any = SCHEME.parse(hub)
    resource = SCHEME.of(type(obj))
    operation: Literal["CREATE", "UPDATE"] = "CREATE" if old is None else "UPDATE"
    found = maps or {}
    context = AdmissionContext(
        operation,
        NOW,
        username=username,
        config=lambda name, namespace="knative-serving": (
            found.get(name, {}) if namespace == "knative-eventing" else {}
        ),
    )
    assert resource.validate is not None
    if resource.set_defaults is not None:
        resource.set_defaults(obj, old, context)
    return obj, to_text(resource.validate(obj, old, context))


@pytest.fixture
def admit() -> Admit:
    return _admit


@pytest.fixture
def to_hub() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return convert
