"""From objects to tables, backends and endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.networking import Ingress, IngressBackendSplit, ServerlessService
from wakeful.apis.networking.gateway_role import ServingPhase
from wakeful.apis.serving import Revision
from wakeful.gateway import (
    BackendKey,
    Endpoint,
    GatePlace,
    HostRule,
    IngressKey,
    RevisionKey,
    Route,
    RouteTable,
    Split,
    WireProtocol,
)
from wakeful.gateway.planner.backends import (
    Instance,
    Leavers,
    gate_place,
    instances_of,
    make_revision_backend,
)
from wakeful.gateway.planner.faults import find_fault
from wakeful.gateway.planner.ledger import Ledger
from wakeful.gateway.planner.tables import compile_table

HELLO = RevisionKey("default", "hello-00001")


class Names:
    """Knows every Service as a revision, and one local host."""

    def __init__(self, **hosts: tuple[Route, ...]) -> None:
        self.hosts = {name.replace("_", "."): routes for name, routes in hosts.items()}

    def backend(self, namespace: str, split: IngressBackendSplit) -> BackendKey | None:
        return RevisionKey(namespace, split.service_name) if split.service_name != "?" else None

    def routes_of_host(self, host: str) -> tuple[Route, ...]:
        return self.hosts.get(host, ())


def ingress(*paths: dict[str, Any], **spec: Any) -> Ingress:
    rule = {"hosts": ["a.b"], "http": {"paths": list(paths)}}
    return Ingress.from_wire(
        {
            "metadata": {"name": "hello", "namespace": "default", "uid": "u", "generation": 1},
            "spec": {"rules": [rule]} | spec,
        }
    )


def split(name: str, percent: int = 100, **fields: Any) -> dict[str, Any]:
    return {"serviceName": name, "serviceNamespace": "default", "percent": percent} | fields


def test_paths_headers_and_splits_are_kept() -> None:
    table = compile_table(
        ingress(
            {
                "path": "/login",
                "headers": {"foo": {"exact": "bar"}},
                "appendHeaders": {"x-b": "2", "x-a": "1"},
                "splits": [split("v1", 70), split("v2", 30, appendHeaders={"k": "v"})],
            }
        ),
        Names(),
    )

    (route,) = table.rules[0].routes
    assert (route.path, route.headers) == ("/login", (("foo", "bar"),))
    assert route.append_headers == (("x-a", "1"), ("x-b", "2"))
    assert [(s.backend.name, s.percent, s.append_headers) for s in route.splits] == [
        ("v1", 70, ()),
        ("v2", 30, (("k", "v"),)),
    ]
    assert table.backends() == {RevisionKey("default", "v1"), RevisionKey("default", "v2")}


def test_shares_of_nothing_and_unknown_names_are_left_out() -> None:
    table = compile_table(ingress({"splits": [split("v1"), split("v2", 0), split("?")]}), Names())

    assert [s.backend.name for s in table.rules[0].routes[0].splits] == ["v1"]


def test_rewritten_host_takes_over_the_routes_of_its_target() -> None:
    target = Route((Split(HELLO),), append_headers=(("x-default", "1"),))
    table = compile_table(
        ingress({"rewriteHost": "hello.svc", "splits": [split("hello")]}),
        Names(hello_svc=(target,)),
    )

    (route,) = table.rules[0].routes
    assert route.splits == target.splits
    assert (route.rewrite_host, route.append_headers) == ("hello.svc", (("x-default", "1"),))


def test_redirect_needs_a_certificate_for_the_host() -> None:
    path = {"splits": [split("v1")]}
    tls = [{"hosts": ["a.b"], "secretName": "s", "secretNamespace": "default"}]

    without = compile_table(ingress(path, httpOption="Redirected"), Names())
    having = compile_table(ingress(path, httpOption="Redirected", tls=tls), Names())

    assert not without.rules[0].redirect_to_https
    assert having.rules[0].redirect_to_https


def test_version_follows_content_only() -> None:
    path = {"splits": [split("v1")]}
    one, two = ingress(path), ingress(path)
    two.metadata.generation = 7

    assert compile_table(one, Names()).version == compile_table(two, Names()).version
    assert (
        compile_table(ingress({"splits": [split("v2")]}), Names()).version
        != compile_table(one, Names()).version
    )


def test_version_follows_what_is_behind_an_ingress_and_the_hash_its_spec_alone() -> None:
    one = ingress({"rewriteHost": "hello.svc", "splits": [split("hello")]})
    before = compile_table(one, Names(hello_svc=(Route((Split(HELLO),)),)))
    other = Route((Split(RevisionKey("default", "hello-00002")),))

    after = compile_table(one, Names(hello_svc=(other,)))

    assert after.version != before.version
    assert after.probe_hash == before.probe_hash


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"hosts": ("bad host",)}, "not a host name"),
        ({"hosts": ("a\r\nb",)}, "not a host name"),
        ({"route": Route((Split(HELLO),), path="login")}, "not an absolute path"),
        ({"route": Route((Split(HELLO),), append_headers=(("a b", "c"),))}, "cannot be"),
        ({"route": Route((Split(HELLO, append_headers=(("host", "c"),)),))}, "cannot be"),
        ({"route": Route((Split(HELLO),), append_headers=(("a", "c\nd"),))}, "control"),
    ],
)
def test_faults_are_found_before_envoy_sees_them(change: dict[str, Any], text: str) -> None:
    route = change.get("route", Route((Split(HELLO),)))
    rule = HostRule(change.get("hosts", ("a.b",)), (route,))
    fault = find_fault(RouteTable.of(IngressKey("default", "x"), (rule,)))

    assert text.replace("cannot be", "not a header that can be set") in fault


@pytest.mark.parametrize("host", ["a", "a.b", "*.a.b", "*", "a_b.c", "a.b.", "1.2.3.4"])
def test_usual_hosts_are_fine(host: str) -> None:
    rule = HostRule((host,), (Route((Split(HELLO),)),))
    assert find_fault(RouteTable.of(IngressKey("default", "x"), (rule,))) == ""


def slices(*members: dict[str, Any], **ports: int) -> EndpointSlice:
    return EndpointSlice.from_wire(
        {
            "addressType": "IPv4",
            "ports": [{"name": name, "port": port} for name, port in ports.items()],
            "endpoints": list(members),
        }
    )


def member(ip: str, pod: str = "", **conditions: bool) -> dict[str, Any]:
    return {"addresses": [ip], "conditions": conditions, "targetRef": {"name": pod}}


def test_ready_and_leaving_members_become_instances() -> None:
    piece = slices(
        member("127.0.0.1", "a", ready=True),
        member("127.0.0.2", "b", ready=False, serving=True, terminating=True),
        member("127.0.0.3", "c", ready=False),
        {"addresses": ["127.0.0.4"]},
        http=8080,
    )

    assert instances_of([piece]) == [
        Instance(Endpoint("127.0.0.1", 8080), "a"),
        Instance(Endpoint("127.0.0.2", 8080, draining=True), "b"),
        Instance(Endpoint("127.0.0.4", 8080)),
    ]


def test_named_port_is_picked() -> None:
    piece = slices(member("127.0.0.1", ready=True), http=80, metrics=9090)

    assert instances_of([piece], "metrics")[0].endpoint.port == 9090
    assert instances_of([piece], "other") == []


def test_limits_come_from_the_revision_and_the_protocol_from_its_network() -> None:
    network = ServerlessService.from_wire(
        {
            "metadata": {"name": "hello-00001", "namespace": "default"},
            "spec": {"protocolType": "h2c"},
        }
    )
    revision = Revision.from_wire(
        {"spec": {"containerConcurrency": 2, "timeoutSeconds": 7, "idleTimeoutSeconds": 3}}
    )

    backend = make_revision_backend(network, revision)

    assert backend.protocol is WireProtocol.H2C
    assert (backend.container_concurrency, backend.timeout_seconds) == (2, 7.0)
    assert (backend.response_start_timeout_seconds, backend.idle_timeout_seconds) == (0.0, 3.0)


@pytest.mark.parametrize(
    ("asked", "default", "mode", "place"),
    [
        (None, 211, "Proxy", GatePlace.BEHIND),
        (None, 211, "Serve", GatePlace.BEHIND),
        (None, 0, "Proxy", GatePlace.BEHIND),
        (None, -1, "Proxy", GatePlace.IN_PATH),
        (None, -1, "Serve", GatePlace.OUT),
        ("-1", 211, "Proxy", GatePlace.IN_PATH),
        ("0", -1, "Proxy", GatePlace.BEHIND),
        ("7", 211, "Proxy", GatePlace.IN_PATH),
        ("7", 211, "Serve", GatePlace.OUT),
        ("seven", 211, "Proxy", GatePlace.BEHIND),
    ],
)
@pytest.mark.parametrize("key", ["target-burst-capacity", "targetBurstCapacity"])
def test_gate_goes_where_the_mode_says_for_those_who_asked(
    key: str, asked: str | None, default: float, mode: str, place: GatePlace
) -> None:
    annotations = {} if asked is None else {f"autoscaling.knative.dev/{key}": asked}
    network = ServerlessService.from_wire(
        {"metadata": {"annotations": annotations}, "spec": {"mode": mode}}
    )

    assert gate_place(network, default) is place


def test_deleted_pod_stays_draining_until_nothing_is_in_flight() -> None:
    deleting: set[str] = set()
    leavers = Leavers(lambda _namespace, pod: pod in deleting)
    here = Instance(Endpoint("127.0.0.1", 80), "pod")
    leaving = Endpoint("127.0.0.1", 80, draining=True)
    assert leavers.merge(HELLO, [here]) == [here.endpoint]

    deleting.add("pod")
    assert leavers.merge(HELLO, [here]) == [leaving]
    assert leavers.merge(HELLO, []) == [leaving]
    assert leavers.find(HELLO, "pod") == leaving
    leavers.finish(HELLO, "pod")
    assert leavers.merge(HELLO, []) == []

    deleting.clear()
    leavers.forget("default", "pod")
    assert leavers.merge(HELLO, []) == []
    assert leavers.find(HELLO, "pod") is None


def test_member_that_is_not_ready_any_more_is_dropped_at_once() -> None:
    leavers = Leavers(lambda _namespace, _pod: False)
    leavers.merge(HELLO, [Instance(Endpoint("127.0.0.1", 80), "pod")])

    assert leavers.merge(HELLO, []) == []


def test_ledger_speaks_of_one_generation() -> None:
    ledger = Ledger()
    told: list[str] = []
    ledger.on_change(lambda key: told.append(str(key)))
    key = IngressKey("default", "hello")
    first = ingress({"splits": [split("v1")]})
    table = compile_table(first, Names())

    ledger.compiled(key, first, table)
    assert ledger.state(first).phase is ServingPhase.PENDING
    ledger.served(key, table)
    assert ledger.state(first).phase is ServingPhase.SERVED

    newer = first.deep_copy()
    newer.metadata.generation = 2
    assert ledger.state(newer).phase is ServingPhase.PENDING
    ledger.compiled(key, newer, table)  # nothing that matters to Envoy changed
    assert ledger.state(newer).phase is ServingPhase.SERVED
    ledger.refuse(key, "Bad", "because")
    assert ledger.state(newer).message == "because"
    assert told == ["default/hello"] * 3


def test_what_was_proven_before_a_restart_need_not_be_proven_again() -> None:
    """Otherwise every service would be unready for a while after each restart."""
    key = IngressKey("default", "hello")
    proven = ingress({"splits": [split("v1")]})
    proven.metadata.generation = proven.status.observed_generation = 3
    proven.status.mark_network_configured()
    proven.status.mark_load_balancer_ready([], [])
    table, ledger = compile_table(proven, Names()), Ledger()

    assert ledger.state(proven).phase is ServingPhase.SERVED  # before the first plan, too
    ledger.compiled(key, proven, table)
    assert ledger.state(proven).phase is ServingPhase.SERVED
    assert ledger.version(key) == table.version

    newer = proven.deep_copy()
    newer.metadata.generation = 4
    changed = compile_table(ingress({"splits": [split("v2")]}), Names())
    ledger.compiled(key, newer, changed)
    assert ledger.state(newer).phase is ServingPhase.PENDING
