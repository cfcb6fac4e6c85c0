"""A world with the built-in kinds, and hands that play the node agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import all_resources
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PodCondition
from wakeful.testing.world import World

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def world() -> World:
    world = World(Scheme(all_resources()))
    await world.prepare()
    return world


MakeReady = Callable[..., Awaitable[Pod]]


@pytest.fixture
def make_ready(world: World) -> MakeReady:
    """Report a pod as running, as the node agent does."""

    async def report(pod: Pod, ip: str = "198.18.1.1", *, ready: bool = True) -> Pod:
        latest = await world.latest(pod)
        latest.status.phase = "Running"
        latest.status.pod_ip = ip
        word = "True" if ready else "False"
        latest.status.conditions = [
            PodCondition(type="Ready", status=word, last_transition_time=SINCE)
        ]
        return await world.client.update_status(latest)

    return report
