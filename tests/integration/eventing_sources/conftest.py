"""Sources as the control plane runs them: real reconcilers, adapters and sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from wakeful.apimachinery.errors import ConflictError
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import APIRequest, UserInfo, Verb
from wakeful.apis import make_scheme
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.replicaset_types import WorkloadCondition
from wakeful.apis.networking import Ingress, LoadBalancerIngressStatus
from wakeful.apiserver.protocols import AccessAttributes, Decision
from wakeful.apiserver.transport import InProcessTransport
from wakeful.client import Change
from wakeful.cloudevents import Event, from_http
from wakeful.cmd.sources import add_sources
from wakeful.eventing.delivery import NameTable, open_sender
from wakeful.reconciler.serving import GatewayAddress
from wakeful.reconciler.sources import BindingAdmission
from wakeful.testing.http import answering
from wakeful.testing.world import World

SERVER = "https://127.0.0.1:6443"


class Sink:
    """Takes events and remembers them; answers ``status`` once it is told to."""

    def __init__(self) -> None:
        self.url, self.status = "", 202
        self.events: list[Event] = []

    async def handle(self, request: web.Request) -> web.Response:
        event = from_http(list(request.headers.items()), await request.read())
        self.events.append(event)
        return web.Response(status=self.status)


@dataclass(slots=True)
class Permissions:
    """Lets everybody do everything, but for what service accounts were not granted."""

    granted: set[tuple[str, str]] = field(default_factory=set)
    """Account and resource."""

    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> Decision:
        if not user.name.startswith("system:serviceaccount:"):
            return Decision(allowed=True)
        return Decision((user.name.rpartition(":")[2], attributes.resource) in self.granted)

    def rules(self, user: UserInfo, namespace: str) -> tuple[list[Any], list[Any]]:
        return [], []


class Surroundings:
    """Plays the gateway and the Deployments' controllers: what is asked for comes up at once."""

    name = "surroundings"

    def __init__(self, world: World) -> None:
        self._world = world
        self._queue: asyncio.Queue[Object] = asyncio.Queue()
        for model in (Deployment, Ingress):
            world.manager.informer(model).add_handler(self._on_change)
        world.manager.add(self)

    def _on_change(self, change: Change[Any]) -> None:
        if change.new is not None:
            self._queue.put_nowait(change.new)

    async def run(self) -> None:
        while True:
            obj = await self._queue.get()
            fresh = await self._world.client.find(
                type(obj), obj.metadata.name, obj.metadata.namespace
            )
            if isinstance(fresh, Deployment):
                fresh.status.observed_generation = fresh.metadata.generation
                fresh.status.conditions = [WorkloadCondition(type="Available", status="True")]
            elif isinstance(fresh, Ingress):
                status = fresh.status
                status.observed_generation = fresh.metadata.generation
                status.mark_network_configured()
                front = [LoadBalancerIngressStatus(domain_internal="gateway.test")]
                status.mark_load_balancer_ready(front, front)
            if fresh is not None and fresh.to_wire() != obj.to_wire():
                try:
                    await self._world.client.update_status(fresh)
                except ConflictError:
                    self._queue.put_nowait(obj)


@dataclass(slots=True)
class Stage:
    """Everything a test of sources needs."""

    world: World
    sink: Sink
    permissions: Permissions

    async def apply(self, wire: dict[str, Any]) -> dict[str, Any]:
        """Create an object in any served version, as a client does."""
        group, _, version = wire["apiVersion"].rpartition("/")
        resource = self.world.scheme.by_kind(group, wire["kind"])
        assert resource is not None
        wire["metadata"].setdefault("namespace", "default")
        request = APIRequest(
            Verb.CREATE,
            group,
            version,
            resource.plural,
            namespace=wire["metadata"]["namespace"] if resource.namespaced else "",
            body=wire,
        )
        return await self.world.client.transport.call(request)

    async def read(self, model: type[Any], name: str, namespace: str = "default") -> Any:
        """An object."""
        return await self.world.client.get(model, name, namespace)

    async def ready(self, model: type[Any], name: str) -> Any:
        """Wait until an object is ready, and return it."""

        async def check() -> Any:
            found = await self.world.client.find(model, name, "default")
            if found is None or not found.status.is_ready:
                return None
            return found if found.status.observed_generation == found.metadata.generation else None

        return await self.world.eventually(check)

    async def reason(self, model: type[Any], name: str, condition: str) -> str:
        """Wait until a condition is False, and return reason and message."""

        async def check() -> str:
            found = await self.world.client.find(model, name, "default")
            said = found.status.condition(condition) if found is not None else None
            return f"{said.reason}: {said.message}" if said is not None and said.is_false else ""

        return await self.world.eventually(check)

    async def got(self, count: int = 1) -> list[Event]:
        """Wait until the sink has that many events."""
        await self.world.eventually(lambda: len(self.sink.events) >= count)
        return self.sink.events


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    admission, permissions, sink = BindingAdmission(), Permissions(), Sink()
    world = World(make_scheme(), hooks=(admission,), authorizer=permissions)
    async with (
        answering(sink.handle) as sink.url,
        open_sender(NameTable(("127.0.0.1", 1))) as sender,
    ):
        add_sources(
            world.manager,
            admission,
            sender=sender,
            transport_of=lambda user: InProcessTransport(world.server, user),
            gateway=GatewayAddress(http_port=8080),
            server_url=SERVER,
        )
        Surroundings(world)
        stage = Stage(world, sink, permissions)
        await world.prepare()
        await stage.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "knative-eventing"}}
        )
        async with world.running():
            yield stage
