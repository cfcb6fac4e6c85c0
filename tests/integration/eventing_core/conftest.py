from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import NamespacedName, Object, ObjectMeta
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, UserInfo, Verb
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import apiextensions, apps, core, eventing, flows, messaging, serving
from wakeful.apis.core import ConfigMap
from wakeful.apis.core.namespace_types import Namespace
from wakeful.apis.duck import SubscriberSpec
from wakeful.apis.eventing.config import CONFIG_BROKER_CHANNEL
from wakeful.apis.messaging.dataplane_role import (
    SERVED,
    ObservedType,
    PhysicalChannel,
    ServingPhase,
    ServingState,
)
from wakeful.apiserver.transport import InProcessTransport
from wakeful.client import Client
from wakeful.controller import Manager
from wakeful.reconciler.eventing.configs import admit_eventing_config_maps
from wakeful.reconciler.eventing.controllers import add_eventing_controllers
from wakeful.testing.world import World

SCHEME = Scheme(
    (
        *core.RESOURCES,
        *apps.RESOURCES,
        *apiextensions.RESOURCES,
        *serving.RESOURCES,
        *eventing.RESOURCES,
        *messaging.RESOURCES,
        *flows.RESOURCES,
    )
)
GATEWAY = "gateway.internal.svc.cluster.local"


class Plane:
    """Plays the event process: everything is served, unless a test says otherwise."""

    def __init__(self) -> None:
        self.state = SERVED
        self.channels: dict[str, ServingState] = {}
        """By name."""
        self.subscribers: dict[str, ServingState] = {}
        """By name of the Subscription."""
        self._on_change: list[Callable[[str, NamespacedName], None]] = []
        self._on_health: list[Callable[[], None]] = []
        self.types: frozenset[ObservedType] = frozenset()
        self._on_type: list[Callable[[], None]] = []

    def health(self) -> ServingState:
        return self.state

    def channel_state(self, channel: PhysicalChannel) -> ServingState:
        return self.channels.get(channel.metadata.name, SERVED)

    def subscriber_state(
        self, channel: PhysicalChannel, subscriber: SubscriberSpec
    ) -> ServingState:
        return self.subscribers.get(subscriber.name, SERVED)

    def on_change(self, listener: Callable[[str, NamespacedName], None]) -> None:
        self._on_change.append(listener)

    def observed_types(self) -> frozenset[ObservedType]:
        return self.types

    def on_observed_type(self, listener: Callable[[], None]) -> None:
        self._on_type.append(listener)

    def see(self, *found: ObservedType) -> None:
        """Events have come in."""
        self.types |= frozenset(found)
        for listener in self._on_type:
            listener()

    def on_health_change(self, listener: Callable[[], None]) -> None:
        self._on_health.append(listener)

    def set_health(self, phase: ServingPhase, reason: str = "", message: str = "") -> None:
        self.state = ServingState(phase, reason, message)
        for listener in self._on_health:
            listener()

    def tell(self, kind: str, name: str) -> None:
        """There is news about a channel."""
        for listener in self._on_change:
            listener(kind, NamespacedName("default", name))


class Eventing:
    """The controllers, running, and short ways to ask."""

    def __init__(self, world: World, plane: Plane) -> None:
        self.world, self.plane = world, plane

    async def apply(self, wire: dict[str, Any]) -> Any:
        """Create an object of any served version, as a user would."""
        group, _, version = wire["apiVersion"].rpartition("/")
        meta = {"namespace": "default"} | wire["metadata"]
        plural = {"Sequence": "sequences", "Parallel": "parallels"}.get(wire["kind"])
        if plural is None:
            resource = self.world.scheme.by_kind(group, wire["kind"])
            assert resource is not None
            plural = resource.plural
        return await self.world.client.transport.call(
            APIRequest(
                Verb.CREATE,
                group,
                version,
                plural,
                namespace=meta["namespace"],
                body=wire | {"metadata": meta},
            )
        )

    async def settled(
        self,
        model: type[Any],
        name: str,
        *,
        condition: str = READY,
        status: str = "True",
        reason: str | None = None,
    ) -> Any:
        """The object once a condition of it says so."""

        async def check() -> Object | None:
            found = await self.world.find(model, name)
            if found is None:
                return None
            have = found.status.condition(condition)
            observed = found.status.observed_generation == found.metadata.generation
            if not observed or have is None or have.status != status:
                return None
            return found if reason in (None, have.reason) else None

        try:
            return await self.world.eventually(check)
        except AssertionError as err:
            found = await self.world.find(model, name)
            raise AssertionError(found.to_wire() if found else "missing") from err


@pytest.fixture
def plane() -> Plane:
    return Plane()


@pytest.fixture
async def world() -> World:
    """A world whose client is who changes channels on the platform, too."""
    world = World(SCHEME, hooks=(admit_eventing_config_maps,))
    user = UserInfo("system:wakeful-controllers", (SYSTEM_MASTERS,))
    world.client = Client(InProcessTransport(world.server, user), SCHEME)
    world.manager = Manager(world.client)
    return world


@pytest.fixture
async def eventing_core(world: World, plane: Plane) -> AsyncIterator[Eventing]:
    """Eventing's controllers, running, with the config map every Broker reads."""
    add_eventing_controllers(world.manager, plane, gateway=GATEWAY)
    await world.given(Namespace(metadata=ObjectMeta(name="knative-eventing")))
    template = "apiVersion: messaging.knative.dev/v1alpha1\nkind: NatsJetStreamChannel\n"
    await world.given(
        ConfigMap(
            metadata=ObjectMeta(name=CONFIG_BROKER_CHANNEL, namespace="knative-eventing"),
            data={"channel-template-spec": template},
        )
    )
    async with world.running():
        yield Eventing(world, plane)


@pytest.fixture
def a_ksvc() -> Callable[..., serving.Service]:
    """A Knative Service that has an address."""

    def build(name: str) -> serving.Service:
        url = f"http://{name}.default.svc.cluster.local"
        return serving.Service.from_wire(
            {
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"template": {"spec": {"containers": [{"image": "busybox"}]}}},
                "status": {"address": {"url": url}},
            }
        )

    return build
