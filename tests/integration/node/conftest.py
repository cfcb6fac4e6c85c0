"""A node without processes, on the real API server; time runs a hundred times as fast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wakeful.apis import make_scheme
from wakeful.apis.core import ConfigMap, Event, Namespace, Pod
from wakeful.apis.core.pod_types import ContainerStatus
from wakeful.node import NodeContext
from wakeful.testing.clock import SpeedClock
from wakeful.testing.imageprovider import FakeImages
from wakeful.testing.node import make_node, running_agent
from wakeful.testing.runtime import FakeRuntime
from wakeful.testing.world import World


class Stage:
    """Everything a test of the agent plays with."""

    def __init__(self, folder: Path) -> None:
        self.clock = SpeedClock(100)
        self.world = World(make_scheme(), clock=self.clock)
        self.runtime = FakeRuntime(clock=self.clock)
        self.images = FakeImages()
        self.node: NodeContext = make_node(
            self.world, self.runtime, self.images, folder, clock=self.clock
        )

    def agent(self, node: NodeContext | None = None) -> Any:
        """An agent of this node, as a context."""
        return running_agent(node or self.node)

    async def pod(self, name: str = "web") -> Pod | None:
        return await self.world.find(Pod, name)

    async def until(self, check: Callable[[Pod], object], name: str = "web") -> Pod:
        """Wait until the Pod is there and ``check`` holds for it."""

        async def look() -> Pod | None:
            pod = await self.pod(name)
            return pod if pod is not None and check(pod) else None

        found = await self.world.eventually(look)
        assert found is not None
        return found

    async def until_gone(self, name: str = "web") -> None:
        async def look() -> bool:
            return await self.pod(name) is None

        await self.world.eventually(look)

    async def delete(self, name: str = "web", *, grace: int | None = None) -> None:
        await self.world.client.delete(Pod, name, "default", grace_period_seconds=grace)

    async def config_map(self, name: str, **data: str) -> ConfigMap:
        found = await self.world.find(ConfigMap, name)
        if found is not None:
            found.data = data
            return await self.world.client.update(found)
        return await self.world.given(
            ConfigMap.from_wire({"metadata": {"name": name, "namespace": "default"}, "data": data})
        )

    async def until_event(self, *reasons: str) -> None:
        """Wait until there are events with all these reasons."""

        async def look() -> bool:
            return set(reasons) <= {e.reason for e in await self.world.all(Event)}

        await self.world.eventually(look)


@pytest.fixture
def container() -> Callable[..., ContainerStatus]:
    return _container


@pytest.fixture
def waits_for() -> Callable[..., str]:
    return _waits_for


def _container(pod: Pod, name: str = "app") -> ContainerStatus:
    """The status of one container."""
    every = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return next(c for c in every if c.name == name)


def _waits_for(pod: Pod, name: str = "app") -> str:
    """Why a container waits; empty when it does not."""
    if not pod.status.container_statuses:
        return ""
    state = _container(pod, name).state
    return state.waiting.reason if state is not None and state.waiting is not None else ""


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    await stage.world.prepare()
    await stage.world.given(Namespace.from_wire({"metadata": {"name": "kube-node-lease"}}))
    return stage
