"""Endpoints and slices follow pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wakeful.apis.core import Endpoints, Pod, Service
from wakeful.apis.core.pod_ports import PORTS_ANNOTATION
from wakeful.apis.discovery import EndpointSlice
from wakeful.reconciler.core.endpoints.controller import make_endpoints_controllers
from wakeful.reconciler.core.endpoints.resources import make_slices, make_subsets, pods_behind
from wakeful.testing.world import World

MakeReady = Callable[..., Any]


def pod(name: str, port: int = 8080, **labels: str) -> Pod:
    container = {"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": port}]}
    wire = {
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web", **labels}},
        "spec": {"containers": [container], "nodeName": "node"},
    }
    return Pod.from_wire(wire)


def running(name: str, ip: str, *, ready: bool = True, port: int = 8080) -> Pod:
    made = pod(name, port)
    made.status = type(made.status).from_wire(
        {
            "phase": "Running",
            "podIP": ip,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        }
    )
    return made


def service(**spec: Any) -> Service:
    spec.setdefault("selector", {"app": "web"})
    spec.setdefault("ports", [{"name": "http", "port": 80, "targetPort": "http"}])
    wire = {"metadata": {"name": "web", "namespace": "default", "uid": "u"}, "spec": spec}
    return Service.from_wire(wire)


def addresses(subsets: list[Any]) -> list[tuple[list[str], list[str], list[int]]]:
    return [
        (
            [a.ip for a in s.addresses],
            [a.ip for a in s.not_ready_addresses],
            [p.port for p in s.ports],
        )
        for s in subsets
    ]


def test_pods_with_other_ports_are_listed_apart() -> None:
    """A named port may be another number in each pod."""
    pods = [
        running("a", "198.18.1.1"),
        running("b", "198.18.1.2", ready=False),
        running("c", "198.18.1.3", port=9090),
    ]
    subsets = make_subsets(service(), pods_behind(service(), pods))
    assert addresses(subsets) == [
        (["198.18.1.1"], ["198.18.1.2"], [8080]),
        (["198.18.1.3"], [], [9090]),
    ]


def test_actual_ports_replace_declared_ones() -> None:
    """Pods that share the host's address are told apart by port."""
    shared = running("a", "127.0.0.1")
    shared.metadata.annotations[PORTS_ANNOTATION] = '{"8080": 40001}'
    (piece,) = make_slices(service(), pods_behind(service(), [shared]))
    assert [p.port for p in piece.ports] == [40001]


def test_pods_that_are_not_ready_count_when_the_service_says_so() -> None:
    """publishNotReadyAddresses offers every pod with an address."""
    made = service(publishNotReadyAddresses=True)
    subsets = make_subsets(made, [running("a", "198.18.1.1", ready=False)])
    assert addresses(subsets) == [(["198.18.1.1"], [], [8080])]


async def slices(world: World) -> list[EndpointSlice]:
    return await world.all(EndpointSlice, "default")


async def state(world: World) -> dict[str, bool | None]:
    return {
        endpoint.addresses[0]: endpoint.conditions.ready
        for piece in await slices(world)
        for endpoint in piece.endpoints
    }


async def test_readiness_is_followed(world: World, make_ready: MakeReady) -> None:
    """Slice and Endpoints show a pod as soon as it has an address, and whether it is ready."""
    for controller in make_endpoints_controllers(world.manager):
        world.manager.add(controller)
    async with world.running():
        await world.given(service())
        await world.eventually(lambda: slices(world))
        (empty,) = await slices(world)
        made = await world.given(pod("a"))
        await make_ready(made, "198.18.1.1", ready=False)

        async def is_state() -> bool:
            return await state(world) == {"198.18.1.1": False}

        await world.eventually(is_state)
        await make_ready(made, "198.18.1.1")

        async def is_ready() -> bool:
            found = await world.find(Endpoints, "web")
            assert found is not None
            shown = addresses(found.subsets) == [(["198.18.1.1"], [], [8080])]
            return shown and await state(world) == {"198.18.1.1": True}

        await world.eventually(is_ready)
        (piece,) = await slices(world)
        assert piece.metadata.name == empty.metadata.name
        assert piece.metadata.labels == {
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        await world.client.delete(Pod, "a", "default", grace_period_seconds=0)

        async def is_empty() -> bool:
            found = await world.find(Endpoints, "web")
            return found is not None and found.subsets == [] and await state(world) == {}

        await world.eventually(is_empty)


async def test_what_others_write_into_endpoints_is_mirrored(world: World) -> None:
    """A service without selector gets slices from the Endpoints of its name."""
    for controller in make_endpoints_controllers(world.manager):
        world.manager.add(controller)
    subset = {"addresses": [{"ip": "198.18.9.9"}], "ports": [{"name": "http", "port": 8012}]}
    manual = Endpoints.from_wire(
        {"metadata": {"name": "web", "namespace": "default"}, "subsets": [subset]}
    )
    async with world.running():
        await world.given(service(selector={}))
        await world.given(manual)

        async def is_mirrored() -> bool:
            return await state(world) == {"198.18.9.9": True}

        await world.eventually(is_mirrored)


async def test_endpoints_go_with_their_service(world: World) -> None:
    """Endpoints are removed when the service of their name is."""
    for controller in make_endpoints_controllers(world.manager):
        world.manager.add(controller)
    async with world.running():
        await world.given(service())
        await world.eventually(lambda: world.find(Endpoints, "web"))
        await world.client.delete(Service, "web", "default")

        async def is_gone() -> bool:
            return await world.find(Endpoints, "web") is None

        await world.eventually(is_gone)
