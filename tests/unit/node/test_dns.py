"""Names inside the cluster: which exist, what they stand for, what a Pod's resolv.conf says."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.core import Endpoints, Pod
from wakeful.apis.core import Service as KubeService
from wakeful.node.dns import ClusterZone, make_resolv_conf
from wakeful.node.dns.upstream import parse_nameservers
from wakeful.node.dns.zone import Outcome

GATEWAY = "gateway.system.svc.cluster.local"


def a_service(name: str, **spec: Any) -> KubeService:
    return KubeService.model_validate({"metadata": {"name": name, "namespace": "ns"}, "spec": spec})


def alias(name: str, target: str) -> KubeService:
    return a_service(name, type="ExternalName", externalName=target)


@pytest.fixture
def zone() -> ClusterZone:
    services = {
        s.metadata.name: s
        for s in (
            alias("route", GATEWAY),
            alias("outside", "example.org"),
            alias("loop", "loop.ns.svc.cluster.local"),
            a_service("plain", clusterIP="198.18.0.9"),
            a_service("empty", clusterIP="198.18.0.10"),
            a_service(
                "renamed",
                clusterIP="198.18.0.11",
                selector={"app": "web"},
                ports=[{"port": 80, "targetPort": 8080}],
            ),
        )
    }
    endpoints = Endpoints.model_validate(
        {
            "metadata": {"name": "plain", "namespace": "ns"},
            "subsets": [{"addresses": [{"ip": "198.19.0.2"}, {"ip": "198.19.0.3"}]}],
        }
    )
    return ClusterZone(
        lambda name, namespace: services.get(name) if namespace == "ns" else None,
        lambda name, _: endpoints if name == "plain" else None,
        {GATEWAY: "198.19.0.1"},
    )


def test_routes_lead_to_the_gateway_and_services_to_their_instances(zone: ClusterZone) -> None:
    route = zone.look_up("Route.ns.SVC.cluster.local")
    assert (route.last, route.addresses) == (GATEWAY, ("198.19.0.1",))
    assert zone.look_up("plain.ns.svc.cluster.local").addresses == ("198.19.0.2", "198.19.0.3")
    empty = zone.look_up("empty.ns.svc.cluster.local")
    assert (empty.outcome, empty.addresses) == (Outcome.FOUND, ())


def test_services_with_ports_of_their_own_are_at_their_address(zone: ClusterZone) -> None:
    assert zone.look_up("renamed.ns.svc.cluster.local").addresses == ("198.18.0.11",)


def test_aliases_that_lead_outside_are_handed_on(zone: ClusterZone) -> None:
    found = zone.look_up("outside.ns.svc.cluster.local")
    assert (found.outcome, found.last, found.addresses) == (Outcome.FOUND, "example.org", ())


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("nobody.ns.svc.cluster.local", Outcome.MISSING),
        ("plain.elsewhere.svc.cluster.local", Outcome.MISSING),
        ("example.org.ns.svc.cluster.local", Outcome.MISSING),
        ("loop.ns.svc.cluster.local", Outcome.MISSING),
        ("svc.cluster.local", Outcome.FOUND),
        ("example.org", Outcome.FOREIGN),
        ("notcluster.local", Outcome.FOREIGN),
        ("", Outcome.FOREIGN),
    ],
)
def test_names_that_are_not_there_or_not_ours(
    zone: ClusterZone, name: str, outcome: Outcome
) -> None:
    assert zone.look_up(name).outcome is outcome


def a_pod(**spec: Any) -> Pod:
    return Pod.model_validate(
        {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"containers": [], **spec}}
    )


def test_a_pod_may_leave_out_its_namespace(zone: ClusterZone) -> None:
    assert make_resolv_conf(a_pod(dnsPolicy="ClusterFirst"), "198.19.0.1") == (
        "nameserver 198.19.0.1\n"
        "search ns.svc.cluster.local svc.cluster.local cluster.local\n"
        "options ndots:5\n"
    )


def test_the_hosts_settings_are_left_where_asked_for_or_needed() -> None:
    assert make_resolv_conf(a_pod(dnsPolicy="Default"), "198.19.0.1") is None
    assert make_resolv_conf(a_pod(dnsPolicy="ClusterFirst"), None) is None
    assert make_resolv_conf(a_pod(dnsPolicy="ClusterFirst", hostNetwork=True), "198.19.0.1") is None


def test_own_settings_are_added_or_stand_alone() -> None:
    config = {
        "nameservers": ["198.19.0.9"],
        "searches": ["example.org"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    alone = make_resolv_conf(a_pod(dnsPolicy="None", dnsConfig=config), None)
    assert alone == "nameserver 198.19.0.9\nsearch example.org\noptions ndots:2 edns0\n"
    added = make_resolv_conf(a_pod(dnsPolicy="ClusterFirst", dnsConfig=config), "198.19.0.1")
    assert added is not None
    assert "nameserver 198.19.0.1\nnameserver 198.19.0.9\n" in added
    assert "options ndots:2 edns0\n" in added


def test_nameservers_of_the_host() -> None:
    assert parse_nameservers("# x\nnameserver 127.0.0.53\nsearch a\nnameserver\n") == ["127.0.0.53"]
