"""A node agent around a runtime, on the real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from wakeful.aio import Clock, Lifetime, SystemClock
from wakeful.apis.core.pod_types import Pod
from wakeful.controller import EventRecorder
from wakeful.node import NodeAgent, NodeContext, NodeIdentity
from wakeful.node.context import NoTraffic, Traffic
from wakeful.node.runtime import Runtime
from wakeful.oci import ImageProvider
from wakeful.testing.world import World

NODE = "node-1"


def make_node(
    world: World,
    runtime: Runtime,
    images: ImageProvider,
    folder: Path,
    *,
    clock: Clock | None = None,
    traffic: Traffic | None = None,
) -> NodeContext:
    """Wire a node called ``node-1`` that keeps its files in ``folder``."""
    clock = clock or SystemClock()
    return NodeContext(
        identity=NodeIdentity(NODE, "127.0.0.1"),
        client=world.client,
        runtime=runtime,
        images=images,
        recorder=EventRecorder(world.client.transport, "node-agent", clock=clock),
        pods_dir=folder / "pods",
        claims_dir=folder / "claims",
        cpu_cores=2,
        memory_bytes=4 << 30,
        traffic=traffic or NoTraffic(),
        clock=clock,
    )


@asynccontextmanager
async def running_agent(node: NodeContext) -> AsyncIterator[NodeAgent]:
    """Run an agent meanwhile; afterwards it is gone and its instances go on."""
    agent, life = NodeAgent(node), Lifetime()
    async with asyncio.TaskGroup() as group:
        events = group.create_task(node.recorder.run(), name="events")
        group.create_task(agent.run(life), name="agent")
        async with asyncio.timeout(30):
            await life.started.wait()
        try:
            yield agent
        finally:
            life.draining.set()
            events.cancel()


def a_pod(
    name: str = "web",
    *containers: dict[str, Any],
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Pod:
    """A Pod bound to ``node-1``; ``spec`` and containers as on the wire."""
    main = [{"name": "app", "image": "app:1"}] if not containers else list(containers)
    return Pod.from_wire(
        {
            "metadata": {
                "name": name,
                "namespace": "default",
                "annotations": annotations or {},
            },
            "spec": {"nodeName": NODE, "containers": main, **spec},
        }
    )


def shows(check: Callable[[Pod], object]) -> Callable[[Pod | None], Pod | None]:
    """For ``World.eventually``: the Pod once ``check`` holds for it."""
    return lambda pod: pod if pod is not None and check(pod) else None
