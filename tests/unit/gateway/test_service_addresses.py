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
