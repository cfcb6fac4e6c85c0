"""Pods in real sandboxes: namespaces, images, networks and signals of this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from wakeful.aio import SystemClock
from wakeful.apis import make_scheme
from wakeful.apis.core import Namespace, Pod
from wakeful.apiserver.protocols import ExecOptions, LogOptions, PodRef
from wakeful.node import NodeContext, PodConnector
from wakeful.node.runtime.probe import RuntimeSettings, open_sandbox_runtime
from wakeful.oci.image import LABEL_ROOTFS
from wakeful.oci.layout import LayoutStore
from wakeful.oci.provider import StoreProvider
from wakeful.procd import control
from wakeful.procd.client import ProcdClient
from wakeful.testing.images import Entry, an_image
from wakeful.testing.node import a_pod, make_node, running_agent
from wakeful.testing.world import World

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="own network namespaces need root")

SERVER = b"""
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: (print("told to end", flush=True), os._exit(0)))
server = socket.create_server(("0.0.0.0", int(os.environ["PORT"])))
print("listening as", os.environ["HOSTNAME"], flush=True)
while True:
    connection, _ = server.accept()
    request = connection.recv(1000)
    if b" /crash " in request:
        os._exit(3)
    body = os.environ["HOSTNAME"].encode() + b" " + os.environ.get("GREETING", "").encode()
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    connection.close()
"""
IMAGE = an_image(
    [Entry("app/server.py", SERVER)],
    config={
        "Cmd": ["/usr/bin/python3", "-I", "-S", "/app/server.py"],
        "Labels": {LABEL_ROOTFS: "host"},
    },
)
CONTAINER = {
    "name": "app",
    "image": "dev.local/server:1",
    "env": [{"name": "PORT", "value": "8080"}],
    "ports": [{"containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
}


class Machine:
    """One data directory with its procd, and an API server that outlives agents."""

    def __init__(self, place: Path, run_dir: Path) -> None:
        self.place, self.run_dir = place, run_dir
        self.world = World(make_scheme())
        self.store = LayoutStore(place / "images")
        IMAGE.put_into(self.store, "dev.local/server:1")

    @asynccontextmanager
    async def agent(
        self, *, last: bool = False, network: str = "auto"
    ) -> AsyncIterator[NodeContext]:
        """Run an agent; the ``last`` one takes everything down with it."""
        async with await ProcdClient.connect(self.run_dir) as procd:
            settings = RuntimeSettings(
                root=self.place / "node", hidden=[self.place], pool_size=2, network=network
            )
            runtime = await open_sandbox_runtime(procd, settings)
            images = StoreProvider(self.store, None)
            node = make_node(self.world, runtime, images, self.place, clock=SystemClock())
            async with running_agent(node) as agent:
                if last:
                    agent.end_instances()
                yield node

    async def until(self, check: Any, name: str = "web") -> Pod:
        async def look() -> Pod | None:
            pod = await self.world.find(Pod, name)
            return pod if pod is not None and check(pod) else None

        found = await self.world.eventually(look, seconds=60)
        assert found is not None
        return found

    async def until_gone(self, name: str = "web") -> None:
        async def look() -> bool:
            return await self.world.find(Pod, name) is None

        await self.world.eventually(look, seconds=60)


@pytest.fixture
def place() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="node-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def run_dir(place: Path) -> Iterator[Path]:
    path = place / "run"
    read, write = os.pipe()
    process = subprocess.Popen(control.procd_argv(path, ready_fd=write), pass_fds=[write], cwd="/")
    os.close(write)
    with os.fdopen(read) as ready:
        assert ready.readline() == "ready\n"
    yield path
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture
async def machine(place: Path, run_dir: Path) -> Machine:
    machine = Machine(place, run_dir)
    await machine.world.prepare()
    await machine.world.given(Namespace.from_wire({"metadata": {"name": "kube-node-lease"}}))
    return machine


async def get(address: str, path: str = "/") -> str:
    reader, writer = await asyncio.open_connection(address, 8080)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


def ref(pod: Pod) -> PodRef:
    return PodRef(pod.metadata.namespace, pod.metadata.name, pod.metadata.uid)


async def pid_of(pod: Pod, node: NodeContext) -> int | None:
    return (await node.runtime.container(f"{pod.metadata.uid}/app/0")).pid


async def test_two_pods_serve_on_the_same_port(machine: Machine) -> None:
    """Each answers on its own address and sees its own environment and name."""
    greeting = {"name": "GREETING", "value": "hello $(PORT)"}
    async with machine.agent(last=True):
        for name in ("one", "two"):
            container = {**CONTAINER, "env": [*CONTAINER["env"], greeting]}
            await machine.world.given(a_pod(name, container))
        one = await machine.until(lambda p: p.is_ready, "one")
        two = await machine.until(lambda p: p.is_ready, "two")

        assert one.status.pod_ip != two.status.pod_ip
        assert await get(one.status.pod_ip) == "one hello 8080"
        assert await get(two.status.pod_ip) == "two hello 8080"


async def test_logs_exec_and_crash(machine: Machine) -> None:
    async with machine.agent(last=True) as node:
        connector = PodConnector(node)
        await machine.world.given(a_pod("web", CONTAINER))
        pod = await machine.until(lambda p: p.is_ready)

        async with connector.execute(ref(pod), ExecOptions("app", ("hostname",))) as session:
            assert [found async for found in session.output()] == [(1, b"web\n")]
            assert await session.wait() == 0
        async with connector.connect(ref(pod), 8080) as stream:
            await stream.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b"200 OK" in await stream.read(1000)

        assert await get(pod.status.pod_ip, "/crash") == ""
        pod = await machine.until(
            lambda p: p.is_ready and p.status.container_statuses[0].restart_count == 1
        )
        last = pod.status.container_statuses[0].last_state
        assert last is not None
        assert last.terminated is not None
        assert last.terminated.exit_code == 3
        lines = connector.logs(ref(pod), LogOptions("app", previous=True))
        assert [chunk async for chunk in lines] == [b"listening as web\n"]


async def test_running_instance_is_adopted(machine: Machine) -> None:
    """The same process goes on, answers all the time, and is ended by the new agent in order."""
    async with machine.agent() as node:
        await machine.world.given(a_pod("web", CONTAINER))
        pod = await machine.until(lambda p: p.is_ready)
        first = await pid_of(pod, node)
    assert await get(pod.status.pod_ip) == "web "

    async with machine.agent(last=True) as node:
        assert node.runtime.describe().pod_network is not None
        assert await pid_of(pod, node) == first
        now = await machine.until(lambda p: p.is_ready)
        assert now.metadata.resource_version == pod.metadata.resource_version, "nothing to tell"
        await machine.world.client.delete(Pod, "web", "default")
        await machine.until_gone()
        assert await node.runtime.sandboxes() == ()
        assert not machine.store.pins()


async def test_removed_image_stays_while_it_runs(machine: Machine) -> None:
    async with machine.agent(last=True):
        await machine.world.given(a_pod("web", CONTAINER))
        pod = await machine.until(lambda p: p.is_ready)
        await machine.store.remove("dev.local/server:1")
        await machine.store.prune()
        await get(pod.status.pod_ip, "/crash")
        pod = await machine.until(
            lambda p: p.is_ready and p.status.container_statuses[0].restart_count == 1
        )
        assert await get(pod.status.pod_ip) == "web "

        await machine.world.client.delete(Pod, "web", "default")
        await machine.until_gone()
        await machine.store.prune()
        assert not machine.store.has_blob(IMAGE.digest)


async def test_without_networks_pods_get_ports_of_their_own(machine: Machine) -> None:
    """Two instances of one program on the host's network, told different numbers by ``PORT``."""
    async with machine.agent(last=True, network="host") as node:
        connector = PodConnector(node)
        for name in ("one", "two"):
            await machine.world.given(a_pod(name, CONTAINER))
        for name in ("one", "two"):
            pod = await machine.until(lambda p: p.is_ready, name)
            async with connector.connect(ref(pod), 8080) as stream:
                await stream.write(b"GET / HTTP/1.0\r\n\r\n")
                assert (await stream.read(1000)).endswith(name.encode() + b" ")
