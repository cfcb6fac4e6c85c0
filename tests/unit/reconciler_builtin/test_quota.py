"""Namespaces do not get more than their quotas allow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from wakeful.apimachinery.errors import ForbiddenError
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import all_resources
from wakeful.apis.core import ConfigMap, Pod, ResourceQuota
from wakeful.reconciler.core import CoreAdmission
from wakeful.reconciler.core.quota.controller import make_quota_controller
from wakeful.reconciler.core.quota.usage import format_amount
from wakeful.testing.world import World


@pytest.fixture
async def world() -> World:
    world = World(Scheme(all_resources()), hooks=CoreAdmission("198.18.0.0/24").hooks())
    await world.prepare()
    return world


def quota(hard: dict[str, str], **spec: Any) -> ResourceQuota:
    meta = {"name": "q", "namespace": "default"}
    return ResourceQuota.from_wire({"metadata": meta, "spec": {"hard": hard, **spec}})


def pod(name: str, **resources: Any) -> Pod:
    container = {"name": "c", "image": "i", "resources": resources}
    meta = {"name": name, "namespace": "default"}
    return Pod.from_wire({"metadata": meta, "spec": {"containers": [container]}})


async def test_pod_beyond_the_quota_is_refused(world: World) -> None:
    await world.given(quota({"cpu": "300m"}))
    await world.given(pod("first", requests={"cpu": "200m"}))
    with pytest.raises(ForbiddenError) as refused:
        await world.given(pod("second", limits={"cpu": "200m"}))
    assert str(refused.value) == (
        'pods "second" is forbidden: exceeded quota: q,'
        " requested: cpu=200m, used: cpu=200m, limited: cpu=300m"
    )
    await world.client.delete(Pod, "first", "default", grace_period_seconds=0)
    await world.given(pod("second", requests={"cpu": "200m"}))


async def test_pod_must_say_what_the_quota_bounds(world: World) -> None:
    await world.given(quota({"limits.memory": "1Gi", "requests.cpu": "1"}))
    with pytest.raises(ForbiddenError, match=r"must specify limits.memory for: c; requests.cpu"):
        await world.given(pod("open"))


async def test_objects_of_any_kind_are_counted(world: World) -> None:
    await world.given(quota({"configmaps": "1"}))
    first, second = (
        ConfigMap.from_wire({"metadata": {"name": name, "namespace": "default"}}) for name in "ab"
    )
    await world.given(first)
    with pytest.raises(ForbiddenError, match="requested: configmaps=1, used: configmaps=1"):
        await world.given(second)


async def test_scopes_choose_pods(world: World) -> None:
    await world.given(quota({"pods": "0"}, scopes=["BestEffort"]))
    await world.given(pod("asks", requests={"cpu": "1m"}))
    with pytest.raises(ForbiddenError):
        await world.given(pod("asks-nothing"))


async def test_status_tells_what_is_used(world: World) -> None:
    world.manager.add(make_quota_controller(world.manager))
    async with world.running():
        await world.given(quota({"pods": "3", "requests.memory": "1Gi", "count/configmaps": "9"}))
        await world.given(pod("one", requests={"memory": "256Mi"}))

        async def used() -> bool:
            found = await world.find(ResourceQuota, "q")
            wanted = {"pods": "1", "requests.memory": "256Mi", "count/configmaps": "0"}
            return found is not None and found.status.used == wanted

        await world.eventually(used)


@pytest.mark.parametrize(
    ("amount", "text"), [("0.05", "50m"), ("2", "2"), ("1073741824", "1Gi"), ("0", "0")]
)
def test_amounts_are_short(amount: str, text: str) -> None:
    assert format_amount(Decimal(amount)) == text
