from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving import RESOURCES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Maps = Mapping[str, Mapping[str, str]]


class Admit(Protocol):
    """Defaults and validates as the server does; returns the text of the denial."""

    def __call__(
        self,
        obj: Object,
        old: Object | None = None,
        *,
        maps: Maps | None = None,
        username: str = "",
        warnings: list[str] | None = None,
    ) -> str: ...


def _admit(
    obj: Object,
    old: Object | None = None,
    *,
    maps: Maps | None = None,
    username: str = "",
    warnings: list[str] | None = None,
) -> str:
    resource = next(r for r in RESOURCES if r.model is type(obj))
    operation: Literal["CREATE", "UPDATE"] = "CREATE" if old is None else "UPDATE"
    found = maps or {}
    context = AdmissionContext(
        operation,
        NOW,
        username=username,
        config=lambda name, namespace="knative-serving": found.get(name, {}),
        warnings=warnings if warnings is not None else [],
    )
    assert resource.set_defaults is not None
    assert resource.validate is not None
    resource.set_defaults(obj, old, context)
    return to_text(resource.validate(obj, old, context))


@pytest.fixture
def admit() -> Admit:
    return _admit


@pytest.fixture
def service_data() -> Callable[..., dict[str, Any]]:
    """Build wire data of a Service with one container."""

    def build(name: str = "hello", **container: Any) -> dict[str, Any]:
        return {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [{"image": "busybox"} | container]}}},
        }

    return build
