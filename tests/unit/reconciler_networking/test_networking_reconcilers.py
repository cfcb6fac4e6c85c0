"""Ingress and ServerlessService against the real API server in memory."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import NamespacedName, ObjectMeta
from wakeful.apis import make_scheme
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.deployment_types import DeploymentSpec
from wakeful.apis.core import Container, ObjectReference, PodSpec, PodTemplateSpec, Service
from wakeful.apis.core.service_types import Endpoints
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.networking import (
    Ingress,
    ServerlessService,
    ServerlessServiceSpec,
)
from wakeful.apis.networking.gateway_role import ServingPhase, ServingState
from wakeful.reconciler.networking import (
    add_ingress_controller,
    add_serverlessservice_controller,
)
from wakeful.testing.world import World

NAME = "hello-00001"


class SettableGateway:
    """Says about every Ingress what it was told to say."""

    def __init__(self) -> None:
        self.answer = ServingState(ServingPhase.PENDING)
        self.listeners: list[Callable[[NamespacedName], None]] = []

    def ingress_state(self, ingress: Ingress) -> ServingState:
        return self.answer

    def on_ingress_change(self, listener: Callable[[NamespacedName], None]) -> None:
        self.listeners.append(listener)

    def say(self, answer: ServingState) -> None:
        self.answer = answer
        for listener in self.listeners:
            listener(NamespacedName("default", "hello"))


def an_ingress() -> Ingress:
    split = {"serviceName": NAME, "serviceNamespace": "default", "servicePort": 80}
    rule = {"hosts": ["hello.localhost"], "http": {"paths": [{"splits": [split]}]}}
    return Ingress.from_wire(
        {"metadata": {"name": "hello", "namespace": "default"}, "spec": {"rules": [rule]}}
    )


def a_deployment() -> Deployment:
    labels = {"serving.knative.dev/revisionUID": "u"}
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels=labels),
        spec=PodSpec(containers=[Container(name="user-container", image="x")]),
    )
    return Deployment(
        metadata=ObjectMeta(name=f"{NAME}-deployment", namespace="default"),
        spec=DeploymentSpec(selector=LabelSelector(match_labels=labels), template=template),
    )


def a_network(mode: str = "Serve", protocol: str = "http1") -> ServerlessService:
    target = ObjectReference(api_version="apps/v1", kind="Deployment", name=f"{NAME}-deployment")
    return ServerlessService(
        metadata=ObjectMeta(name=NAME, namespace="default", labels={"app": "hello"}),
        spec=ServerlessServiceSpec(mode=mode, protocol_type=protocol, object_ref=target),
    )


def some_members(*addresses: str, service: str = f"{NAME}-private") -> EndpointSlice:
    return EndpointSlice.from_wire(
        {
            "metadata": {
                "name": f"{service}-x",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [
                {"addresses": [address], "conditions": {"ready": True}} for address in addresses
            ],
        }
    )


async def reason_of(world: World, kind: str) -> tuple[str, str]:
    found = await world.find(ServerlessService, NAME)
    condition = found.status.condition(kind) if found is not None else None
    return (condition.status, condition.reason) if condition is not None else ("", "")


async def test_ingress_follows_the_word_of_the_gateway() -> None:
    world, gateway = World(make_scheme()), SettableGateway()
    add_ingress_controller(world.manager, gateway)
    async with world.running():
        await world.given(an_ingress())

        async def ready() -> tuple[str, str]:
            found = await world.find(Ingress, "hello")
            condition = found.status.condition("Ready") if found is not None else None
            return (condition.status, condition.reason) if condition is not None else ("", "")

        async def is_now(status: str, reason: str) -> bool:
            return await ready() == (status, reason)

        await world.eventually(lambda: is_now("Unknown", "Uninitialized"))
        gateway.say(ServingState(ServingPhase.SERVED))
        await world.eventually(lambda: is_now("True", ""))
        found = await world.find(Ingress, "hello")
        assert found is not None
        assert found.is_ready
        assert found.status.private_load_balancer is not None
        assert found.status.private_load_balancer.ingress[0].domain_internal
        gateway.say(ServingState(ServingPhase.REFUSED, "HostConflict", "taken"))
        await world.eventually(lambda: is_now("False", "HostConflict"))


async def test_both_services_are_made_and_the_gate_stands_in_until_somebody_is_ready() -> None:
    world = World(make_scheme())
    add_serverlessservice_controller(world.manager)
    async with world.running():
        await world.given(a_network(protocol="h2c"))
        await world.given(a_deployment())

        async def named() -> bool:
            found = await world.find(ServerlessService, NAME)
            return found is not None and found.status.service_name == NAME

        await world.eventually(named)
        private = await world.find(Service, f"{NAME}-private")
        public = await world.find(Service, NAME)
        assert private is not None
        assert public is not None
        assert private.spec.selector == {"serving.knative.dev/revisionUID": "u"}
        assert [(p.name, p.port, p.target_port) for p in private.spec.ports] == [
            ("http2", 80, "user-port")
        ]
        assert [(p.port, p.app_protocol) for p in public.spec.ports] == [(81, "kubernetes.io/h2c")]
        assert public.metadata.labels["networking.internal.knative.dev/serviceType"] == "Public"
        assert public.metadata.labels["app"] == "hello"
        assert not public.spec.selector
        assert await reason_of(world, "Ready") == ("Unknown", "NoHealthyBackends")
        gate = await reason_of(world, "ActivatorEndpointsPopulated")
        assert gate == ("True", "ActivatorEndpointsPopulated")

        await world.given(some_members("127.0.0.5"))

        async def serves() -> bool:
            return await reason_of(world, "Ready") == ("True", "")

        await world.eventually(serves)
        assert (await reason_of(world, "ActivatorEndpointsPopulated"))[0] == "False"

        async def listed() -> bool:
            found = await world.find(Endpoints, NAME)
            return found is not None and [
                (a.ip, s.ports[0].port) for s in found.subsets for a in s.addresses
            ] == [("127.0.0.5", 8080)]

        await world.eventually(listed)


async def test_proxy_mode_keeps_the_gate_in_the_path_of_ready_instances() -> None:
    world = World(make_scheme())
    add_serverlessservice_controller(world.manager, [("10.0.0.1", 80)])
    async with world.running():
        await world.given(some_members("127.0.0.5"))
        await world.given(a_deployment())
        await world.given(a_network("Proxy"))

        async def serves() -> bool:
            return await reason_of(world, "Ready") == ("True", "")

        await world.eventually(serves)
        assert (await reason_of(world, "ActivatorEndpointsPopulated"))[0] == "True"

        async def listed() -> bool:
            found = await world.find(Endpoints, NAME)
            return found is not None and [
                (a.ip, s.ports[0].port) for s in found.subsets for a in s.addresses
            ] == [("10.0.0.1", 80)]

        await world.eventually(listed)

        async def known() -> bool:
            found = await world.find(EndpointSlice, "activator-service", "knative-serving")
            return found is not None and found.endpoints[0].addresses == ["10.0.0.1"]

        await world.eventually(known)


async def test_name_that_is_taken_is_reported_and_left_alone() -> None:
    world = World(make_scheme())
    add_serverlessservice_controller(world.manager)
    async with world.running():
        taken = Service.from_wire(
            {
                "metadata": {"name": NAME, "namespace": "default"},
                "spec": {"ports": [{"port": 1234}]},
            }
        )
        await world.given(taken)
        await world.given(a_deployment())
        await world.given(a_network())

        async def told() -> bool:
            return await reason_of(world, "Ready") == ("False", "NotOwned")

        await world.eventually(told)
        found = await world.find(Service, NAME)
        assert found is not None
        assert found.spec.ports[0].port == 1234
