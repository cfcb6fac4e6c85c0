"""A child that the API refuses, by a quota for one: its owner says so, and goes on when it may."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import ForbiddenError
from wakeful.apimachinery.meta import KResource
from wakeful.apis.serving import Configuration, Revision, Route, Service
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.testing.world import World

from .conftest import SCHEME


class Quota:
    """Refuses to create objects of some kinds."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    def __call__(self, request: AdmissionRequest) -> None:
        gvk = request.resource.gvk
        own = f"{gvk.kind} of Knative" if gvk.kind == "Service" and gvk.group else gvk.kind
        if request.old is None and own in self.refused:
            raise ForbiddenError(f"{request.name} is forbidden: exceeded quota")


@pytest.fixture
def quota() -> Quota:
    return Quota()


@pytest.fixture
async def world(quota: Quota) -> World:
    return World(SCHEME, hooks=[quota])


@pytest.mark.parametrize(
    ("child", "owner", "name", "condition"),
    [
        ("Deployment", Revision, "hello-00001", "ResourcesAvailable"),
        ("PodAutoscaler", Revision, "hello-00001", "ResourcesAvailable"),
        ("Image", Revision, "hello-00001", "ResourcesAvailable"),
        ("Configuration", Service, "hello", "ConfigurationsReady"),
        ("Route", Service, "hello", "RoutesReady"),
        ("Ingress", Route, "hello", "IngressReady"),
        ("Service", Route, "hello", "IngressReady"),
        ("Revision", Configuration, "hello", "Ready"),
    ],
)
async def test_a_refused_child_is_told(
    platform: World,
    quota: Quota,
    a_service: Any,
    child: str,
    owner: type[KResource[Any, Any]],
    name: str,
    condition: str,
) -> None:
    """By a condition that is False, with the API's own words, which its owners pass on."""
    quota.refused.add(child)
    await platform.given(a_service())

    async def told() -> bool:
        found = await platform.find(owner, name)
        one = found.status.condition(condition) if found else None
        return bool(one and one.is_false and "is forbidden: exceeded quota" in one.message)

    await platform.eventually(told)

    async def passed_on() -> bool:
        found = await platform.find(Service, "hello")
        one = found.status.condition("Ready") if found else None
        return bool(one and one.is_false)

    await platform.eventually(passed_on)

    quota.refused.clear()

    async def ready() -> bool:
        found = await platform.find(Service, "hello")
        return found is not None and found.is_ready

    await platform.eventually(ready)
