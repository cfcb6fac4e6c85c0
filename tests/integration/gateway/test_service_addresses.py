"""Connections to a Service's own address and port reach its instances, through a real Envoy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import aiohttp
import pytest

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis import make_scheme
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import ServicePort, ServiceSpec
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointSlicePort,
)
from wakeful.gateway import GatewayThread
from wakeful.gateway.planner import Planner
from wakeful.testing.gateway import (
    RecordingPoke,
    running_app,
    running_envoy,
    temporary_settings,
)
from wakeful.testing.ports import held_port
from wakeful.testing.world import World

ADDRESS = "127.0.0.77"
"""Any address that leads to this host does; those of real Services need a route."""


@pytest.fixture
def port() -> Iterator[int]:
    """One of the address that nobody else is given meanwhile."""
    with held_port(ADDRESS) as port:
        yield port


def a_slice(service: str, port: int) -> EndpointSlice:
    """One ready instance on loopback."""
    meta = ObjectMeta(
        name=f"{service}-1", namespace="default", labels={SERVICE_NAME_LABEL: service}
    )
    return EndpointSlice(
        metadata=meta,
        address_type="IPv4",
        ports=[EndpointSlicePort(name="http", port=port)],
        endpoints=[Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))],
    )


async def test_a_node_port_leads_to_the_service_that_has_it(port: int) -> None:
    """Another one may have it next, at once."""
    world = World(make_scheme())

    def a_service(name: str) -> Service:
        spec = ServiceSpec(
            type="NodePort",
            selector={"app": name},
            ports=[ServicePort(name="http", protocol="TCP", port=80, node_port=port)],
        )
        return Service(metadata=ObjectMeta(name=name, namespace="default"), spec=spec)

    with temporary_settings(http_addresses=(ADDRESS,)) as settings:
        gateway = GatewayThread(settings, RecordingPoke())
        planner = Planner(world.manager, gateway)
        world.manager.add(planner)
        async with (
            running_app("one") as one,
            running_app("two") as two,
            gateway.serving(),
            running_envoy(settings),
            world.running(),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
        ):
            await planner.ready.wait()

            async def who() -> str:
                try:
                    async with http.get(f"http://{ADDRESS}:{port}/") as answer:
                        return str((await answer.json())["app"])
                except aiohttp.ClientError:
                    return ""

            async def is_who(name: str) -> bool:
                return await who() == name

            await world.given(a_service("one"))
            await world.given(a_slice("one", one.port), a_slice("two", two.port))
            await world.eventually(partial(is_who, "one"))
            await world.client.delete(Service, "one", "default")
            await world.given(a_service("two"))
            await world.eventually(partial(is_who, "two"))


async def test_a_service_answers_at_its_own_address_and_port(port: int) -> None:
    world = World(make_scheme())
    spec = ServiceSpec(
        cluster_ip=ADDRESS,
        selector={"app": "web"},
        ports=[ServicePort(name="http", protocol="TCP", port=port, target_port=8080)],
    )
    meta = ObjectMeta(name="web", namespace="default")
    with temporary_settings(service_addresses=True) as settings:
        gateway = GatewayThread(settings, RecordingPoke())
        planner = Planner(world.manager, gateway)
        world.manager.add(planner)
        async with (
            running_app("one") as app,
            gateway.serving(),
            running_envoy(settings),
            world.running(),
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
        ):
            await planner.ready.wait()
            await world.given(Service(metadata=meta, spec=spec))
            await world.given(a_slice("web", app.port))

            async def answers() -> bool:
                try:
                    async with http.get(f"http://{ADDRESS}:{port}/") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await world.eventually(answers)

            await world.client.delete(Service, "web", "default")

            async def silent() -> bool:
                return not await answers()

            await world.eventually(silent)
