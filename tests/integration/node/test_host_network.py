"""Where Pods have no network of their own, each gets ports of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wakeful.apis.core.pod_ports import PORTS_ANNOTATION
from wakeful.apiserver.protocols import PodRef
from wakeful.node import NodeContext, PodConnector
from wakeful.node.runtime import ContainerConfig, SandboxStatus
from wakeful.testing.node import a_pod, make_node
from wakeful.testing.runtime import FakeRuntime

CONTAINER = {
    "name": "app",
    "image": "app:1",
    "env": [{"name": "PORT", "value": "8080"}],
    "ports": [{"containerPort": 8080}],
    "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
}


class Programs:
    """Starts a server on ``PORT`` for every container, as programs do."""

    def __init__(self) -> None:
        self.servers: list[asyncio.Server] = []

    async def start(self, sandbox: SandboxStatus, config: ContainerConfig) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(sandbox.config.name.encode())
            writer.close()

        port = int(config.env["PORT"])
        self.servers.append(await asyncio.start_server(answer, sandbox.ip, port))


async def test_two_pods_on_one_port(stage: Any) -> None:
    """Both are told another number, say so on their object, and are probed and reached there."""
    runtime, programs = FakeRuntime(clock=stage.clock, pod_network=False), Programs()
    runtime.on_start = programs.start
    folder = stage.node.pods_dir.parent
    node = make_node(stage.world, runtime, stage.images, folder, clock=stage.clock)
    connector = PodConnector(node)
    told = []
    async with stage.agent(node):
        await stage.world.given(a_pod("one", CONTAINER), a_pod("two", CONTAINER))
        for name in ("one", "two"):
            pod = await stage.until(lambda p: p.is_ready, name)
            told.append(json.loads(pod.metadata.annotations[PORTS_ANNOTATION])["8080"])
            assert pod.status.pod_ip == "127.0.0.1"
            where = PodRef("default", name, pod.metadata.uid)
            async with connector.connect(where, 8080) as stream:
                await stream.write(b"?")
                assert await stream.read(100) == f"default/{name}".encode()
    assert len(set(told)) == 2
    assert 8080 not in told

    node = make_node(stage.world, runtime, stage.images, folder, clock=stage.clock)
    async with stage.agent(node):
        pod = await stage.until(lambda p: p.is_ready, "one")
        assert node.ports.of(pod.metadata.uid) == {8080: told[0]}
    for server in programs.servers:
        server.close()
        await server.wait_closed()


async def test_pod_with_its_own_network_keeps_its_ports(stage: Any) -> None:
    """Also under an agent that can make no more; and what was said wrongly is taken back."""
    async with stage.agent():
        await stage.world.given(a_pod("web", annotations={PORTS_ANNOTATION: '{"8080":4}'}))
        before = await stage.until(lambda p: p.is_ready)
        assert PORTS_ANNOTATION not in before.metadata.annotations

    stage.runtime._pod_network = False
    async with stage.agent():
        await stage.world.given(a_pod("other"))
        await stage.until(lambda p: p.is_ready, "other")
        after = await stage.until(lambda p: p.is_ready)
    assert after.metadata.resource_version == before.metadata.resource_version


async def test_who_comes_before_the_agent_is_led_in_when_it_is_there(stage: Any) -> None:
    """The API is open already when the next agent has yet to find what the former one left."""
    runtime, programs = FakeRuntime(clock=stage.clock, pod_network=False), Programs()
    runtime.on_start = programs.start
    folder = stage.node.pods_dir.parent

    def fresh() -> NodeContext:
        return make_node(stage.world, runtime, stage.images, folder, clock=stage.clock)

    async with stage.agent(fresh()):
        await stage.world.given(a_pod("one", CONTAINER))
        pod = await stage.until(lambda p: p.is_ready, "one")
    node = fresh()

    async def ask() -> bytes:
        where = PodRef("default", "one", pod.metadata.uid)
        async with PodConnector(node).connect(where, 8080) as stream:
            await stream.write(b"?")
            return await stream.read(100)

    asked = asyncio.create_task(ask())
    await asyncio.sleep(0)
    async with stage.agent(node):
        assert await asked == b"default/one"
