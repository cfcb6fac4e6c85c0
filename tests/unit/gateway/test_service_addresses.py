"""Services with an address of their own: which have one, and what Envoy is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from envoy.config.listener.v3 import listener_pb2

from wakeful.apis.core import Service
from wakeful.apis.core.service_addresses import has_cluster_address, renames_ports
from wakeful.client import Change
from wakeful.gateway import GatewayPaths, GatewaySettings, Plan, ServiceBackend, ServiceKey
from wakeful.gateway.planner.serviceports import ServicePorts
from wakeful.gateway.translator import PlanCompiler
from wakeful.gateway.xds import ResourceType

WEB = ServiceKey("default", "web", 80)
IP = "198.18.0.9"


def a_service(*ports: dict[str, Any], labels: dict[str, str] | None = None, **spec: Any) -> Service:
    spec = {"clusterIP": IP, "selector": {"app": "web"}, "ports": list(ports)} | spec
    meta = {"name": "web", "namespace": "default", "labels": labels or {}}
    return Service.model_validate({"metadata": meta, "spec": spec})


HTTP = {"port": 80, "targetPort": 8080, "protocol": "TCP"}


def test_only_services_with_something_behind_them_have_an_address() -> None:
    assert has_cluster_address(a_service(HTTP))
    assert not has_cluster_address(a_service(HTTP, clusterIP="None"))
    assert not has_cluster_address(a_service(HTTP, clusterIP="", type="ExternalName"))
    assert has_cluster_address(a_service(HTTP, selector={}))  # Endpoints may say what
    assert not has_cluster_address(a_service(HTTP, selector={}, type="LoadBalancer"))
    revisions = {"networking.internal.knative.dev/serverlessservice": "hello-00001"}
    assert not has_cluster_address(a_service(HTTP, labels=revisions))


@pytest.mark.parametrize(
    ("port", "renamed"),
    [
        ({"port": 80, "targetPort": 8080}, True),
        ({"port": 80, "targetPort": "http"}, True),
        ({"port": 80, "targetPort": 80}, False),
        ({"port": 80}, False),
    ],
)
def test_ports_of_another_number_or_name_are_not_the_instances_own(
    port: dict[str, Any], renamed: bool
) -> None:
    assert renames_ports(a_service(port)) is renamed


def test_ports_follow_their_service() -> None:
    ports = ServicePorts(enabled=True, can_listen=lambda _ip, port: port != 22)
    first = a_service(HTTP, {"port": 53, "protocol": "UDP"}, {"port": 22, "protocol": "TCP"})
    assert ports.follow(Change(None, first))
    assert ports.addresses() == {WEB: IP}
    assert not ports.follow(Change(first, first))
    assert ports.follow(Change(first, None))
    assert ports.addresses() == {}


def test_without_a_network_of_their_own_services_have_no_address() -> None:
    ports = ServicePorts(enabled=False)
    assert not ports.follow(Change(None, a_service(HTTP)))


def test_a_listener_comes_moves_and_goes_with_its_address() -> None:
    compiler = PlanCompiler(GatewaySettings(GatewayPaths(Path("/run/w"))))
    services = {WEB: ServiceBackend(WEB)}
    put = compiler.compile(Plan(services=services, addresses={WEB: IP})).put
    body = put[ResourceType.LISTENER][str(WEB)].body
    listener = listener_pb2.Listener.FromString(body.value)
    address = listener.address.socket_address
    assert (address.address, address.port_value, listener.freebind.value) == (IP, 80, True)

    assert not compiler.compile(Plan(services=services, addresses={WEB: IP})).put
    moved = compiler.compile(Plan(services=services, addresses={WEB: "198.18.0.10"}))
    assert set(moved.put[ResourceType.LISTENER]) == {str(WEB)}
    assert compiler.compile(Plan()).remove[ResourceType.LISTENER] == {str(WEB)}


NODE_PORT = {**HTTP, "nodePort": 30080}


def test_node_ports_open_for_services_that_select_pods() -> None:
    """Without networks of their own, too; the gateway's own Services are reached at the gateway."""
    ports = ServicePorts(enabled=False, can_open=lambda _ip, _port: True)

    assert ports.follow(Change(None, a_service(NODE_PORT, type="NodePort")))
    assert (ports.node_ports(), ports.addresses()) == ({WEB: 30080}, {})
    assert ports.follow(Change(None, a_service(NODE_PORT, type="ClusterIP")))
    assert ports.node_ports() == {}
    assert not ports.follow(Change(None, a_service(NODE_PORT, selector={}, type="LoadBalancer")))
    udp = {**NODE_PORT, "protocol": "UDP"}
    assert not ports.follow(Change(None, a_service(udp, type="NodePort")))


def test_a_node_port_that_somebody_else_has_is_told_of_and_had_when_it_is_free() -> None:
    taken, told = {30080}, []
    ports = ServicePorts(
        enabled=True,
        node_addresses=["127.0.0.1"],
        can_listen=lambda _ip, _port: True,
        can_open=lambda _ip, port: port not in taken,
        on_taken=lambda service, port: told.append((service.metadata.name, port)),
    )
    web = a_service(NODE_PORT, type="NodePort")
    ports.follow(Change(None, web))
    assert (ports.addresses(), ports.node_ports()) == ({WEB: IP}, {})
    assert told == [], "it may be about to be closed"

    assert ports.retry() == set()
    assert told == [("web", 30080)]
    taken.clear()
    assert ports.retry() == {web.key}
    assert ports.node_ports() == {WEB: 30080}
    assert not ports.any_taken.is_set()


def test_what_an_envoy_may_have_already_is_not_tried() -> None:
    ports = ServicePorts(
        enabled=False,
        node_addresses=["127.0.0.1"],
        can_open=lambda _ip, _port: False,
        trusting=lambda: True,
    )
    ports.follow(Change(None, a_service(NODE_PORT, type="NodePort")))

    assert ports.node_ports() == {WEB: 30080}


def test_a_node_listener_is_at_every_address_and_shared_with_nobody() -> None:
    settings = GatewaySettings(
        GatewayPaths(Path("/run/w")), http_addresses=("127.0.0.1", "192.0.2.1")
    )
    compiler, services = PlanCompiler(settings), {WEB: ServiceBackend(WEB)}
    put = compiler.compile(Plan(services=services, node_ports={WEB: 30080})).put
    listener = listener_pb2.Listener.FromString(
        put[ResourceType.LISTENER][f"{WEB}@node"].body.value
    )

    addresses = [listener.address, *(other.address for other in listener.additional_addresses)]
    assert [(a.socket_address.address, a.socket_address.port_value) for a in addresses] == [
        ("127.0.0.1", 30080),
        ("192.0.2.1", 30080),
    ]
    assert listener.HasField("enable_reuse_port")
    assert not listener.enable_reuse_port.value
    assert compiler.compile(Plan()).remove[ResourceType.LISTENER] == {f"{WEB}@node"}
