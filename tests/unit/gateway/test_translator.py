"""Plans to Envoy's resources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import health_check_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_components_pb2, scoped_route_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)

from wakeful.gateway import (
    Certificate,
    Endpoint,
    GatePlace,
    GatewayPaths,
    GatewaySettings,
    HostRule,
    IngressKey,
    Plan,
    RevisionBackend,
    RevisionKey,
    Route,
    RouteTable,
    ServiceBackend,
    ServiceKey,
    Split,
    Visibility,
    WireProtocol,
)
from wakeful.gateway.translator import PlanCompiler
from wakeful.gateway.translator.names import parse_cluster_name, proxy_value, times_let_go
from wakeful.gateway.xds import Changes, ResourceType

SETTINGS = GatewaySettings(GatewayPaths(Path("/run/w")))
HELLO = RevisionKey("default", "hello-00001")
ONE, TWO = Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 2)


def table(name: str, *routes: Route, hosts: tuple[str, ...] = (), **rule: object) -> RouteTable:
    rules = (HostRule(hosts or (f"{name}.localhost",), routes, **rule),)
    return RouteTable.of(IngressKey("default", name), rules)


def plan(*tables: RouteTable, **backend: object) -> Plan:
    revision = RevisionBackend(HELLO, **backend)
    return Plan({t.key: t for t in tables}, {HELLO: revision})


def simple(**backend: object) -> Plan:
    return plan(table("hello", Route((Split(HELLO),))), **backend)


def clusters(changes: Changes) -> dict[str, cluster_pb2.Cluster]:
    found = {}
    for name, resource in changes.put.get(ResourceType.CLUSTER, {}).items():
        found[name] = cluster_pb2.Cluster.FromString(resource.body.value)
    return found


def assignments(changes: Changes) -> dict[str, endpoint_pb2.ClusterLoadAssignment]:
    found = {}
    for name, resource in changes.put.get(ResourceType.ENDPOINTS, {}).items():
        found[name] = endpoint_pb2.ClusterLoadAssignment.FromString(resource.body.value)
    return found


def scopes(
    changes: Changes, side: str = "public"
) -> dict[str, scoped_route_pb2.ScopedRouteConfiguration]:
    """What was compiled for the hosts of a side."""
    return {
        name.removeprefix(f"{side}/"): scoped_route_pb2.ScopedRouteConfiguration.FromString(
            resource.body.value
        )
        for name, resource in changes.put.get(ResourceType.SCOPE, {}).items()
        if name.startswith(f"{side}/")
    }


def hosts(changes: Changes, side: str = "public") -> list[route_components_pb2.VirtualHost]:
    return [scope.route_configuration.virtual_hosts[0] for scope in scopes(changes, side).values()]


def key_builders(changes: Changes) -> list[hcm_pb2.ScopedRoutes.ScopeKeyBuilder]:
    """How the public and the internal listener make keys of requests."""
    found = []
    for name in ("public", "internal"):
        body = changes.put[ResourceType.LISTENER][name].body
        chain = listener_pb2.Listener.FromString(body.value).filter_chains[0]
        manager = hcm_pb2.HttpConnectionManager.FromString(chain.filters[0].typed_config.value)
        found.append(manager.scoped_routes.scope_key_builder)
    return found


def ports(assignment: endpoint_pb2.ClusterLoadAssignment, priority: int) -> list[int]:
    return [
        host.endpoint.address.socket_address.port_value
        for group in assignment.endpoints
        if group.priority == priority
        for host in group.lb_endpoints
    ]


def test_sleeping_revision_falls_to_the_gate_by_priority() -> None:
    compiler = PlanCompiler(SETTINGS)

    asleep = assignments(compiler.compile(simple()))["default/hello-00001"]
    awake = assignments(compiler.compile_endpoints(HELLO, [ONE]))["default/hello-00001"]

    assert ports(asleep, 0) == []
    assert ports(awake, 0) == [1]
    instances, gate = (group.lb_endpoints[0] for group in awake.endpoints)
    assert gate.endpoint.address.envoy_internal_address.server_listener_name == "gate"
    assert dict(gate.metadata.filter_metadata["wakeful"]) == {
        "namespace": "default",
        "revision": "hello-00001",
    }
    assert dict(instances.metadata.filter_metadata["wakeful"]) == {"ip": "127.0.0.1"}


@pytest.mark.parametrize(
    "backend", [{"container_concurrency": 3}, {"gate": GatePlace.IN_PATH}], ids=["limit", "asked"]
)
def test_instances_behind_the_gate_are_listed_but_not_for_envoy_to_choose(
    backend: dict[str, object],
) -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile(simple(**backend))

    changed = assignments(compiler.compile_endpoints(HELLO, [ONE, TWO]))

    assert ports(changed["default/hello-00001"], 0) == [1, 2]
    assert {
        host.health_status for host in changed["default/hello-00001"].endpoints[0].lb_endpoints
    } == {health_check_pb2.HealthStatus.DRAINING}


def test_gate_that_enters_or_leaves_changes_one_message() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile_endpoints(HELLO, [ONE])
    compiler.compile(simple(gate=GatePlace.OUT))

    entered = compiler.compile(simple(gate=GatePlace.IN_PATH))
    left = compiler.compile(simple(gate=GatePlace.OUT))

    for changes in (entered, left):
        assert {kind: list(names) for kind, names in changes.put.items()} == {
            ResourceType.ENDPOINTS: ["default/hello-00001"]
        }
        assert not changes.remove


def test_only_the_gate_picks_instances_where_it_may_stand_in_the_path() -> None:
    policies = {}
    for place in GatePlace:
        cluster = clusters(PlanCompiler(SETTINGS).compile(simple(gate=place)))[str(HELLO)]
        (policy,) = cluster.load_balancing_policy.policies
        policies[place] = policy.typed_extension_config.name.rpartition(".")[2]

    assert policies == {
        GatePlace.BEHIND: "least_request",
        GatePlace.OUT: "override_host",
        GatePlace.IN_PATH: "override_host",
    }


def test_draining_instance_is_listed_but_not_chosen() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile(simple())
    leaving = Endpoint("127.0.0.1", 1, draining=True)

    changed = assignments(compiler.compile_endpoints(HELLO, [leaving, TWO]))

    group = changed["default/hello-00001"].endpoints[0]
    assert [host.health_status for host in group.lb_endpoints] == [
        health_check_pb2.HealthStatus.DRAINING,
        health_check_pb2.HealthStatus.UNKNOWN,
    ]


def test_one_changed_endpoint_changes_one_resource() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile(simple())

    first = compiler.compile_endpoints(HELLO, [TWO, ONE])
    again = compiler.compile_endpoints(HELLO, [ONE, TWO])

    assert {kind: list(names) for kind, names in first.put.items()} == {
        ResourceType.ENDPOINTS: ["default/hello-00001"]
    }
    assert not again


def test_changed_cluster_brings_its_endpoints_again_in_a_new_version() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile_endpoints(HELLO, [ONE])
    before = compiler.compile(simple()).put[ResourceType.ENDPOINTS]["default/hello-00001"]

    changes = compiler.compile(simple(protocol=WireProtocol.H2C))

    after = changes.put[ResourceType.ENDPOINTS]["default/hello-00001"]
    assert set(changes.put) == {ResourceType.CLUSTER, ResourceType.ENDPOINTS}
    assert before.body == after.body
    assert before.version != after.version


def test_same_plan_changes_nothing_and_a_fresh_compiler_makes_the_same_versions() -> None:
    first, second = PlanCompiler(SETTINGS), PlanCompiler(SETTINGS)

    assert first.compile(simple()).put == second.compile(simple()).put
    assert not first.compile(simple())


def test_changed_timeout_changes_routes_only() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile(simple(timeout_seconds=10.0))

    changes = compiler.compile(simple(timeout_seconds=20.0))

    assert set(changes.put) == {ResourceType.SCOPE}
    limit = hosts(changes)[0].routes[0].route.max_stream_duration.max_stream_duration
    assert limit.ToTimedelta().total_seconds() == 20.25


def test_websockets_have_a_route_of_their_own_only_for_a_limit_of_their_own() -> None:
    compiler = PlanCompiler(SETTINGS)
    plain = hosts(compiler.compile(simple(timeout_seconds=10.0)))[0].routes
    changes = compiler.compile(simple(timeout_seconds=10.0, response_start_timeout_seconds=5.0))

    upgrade, usual = hosts(changes)[0].routes[:2]
    limits = [
        route.route.max_stream_duration.max_stream_duration.ToTimedelta().total_seconds()
        for route in (plain[0], upgrade, usual)
    ]
    assert limits == [10.25, 5.25, 10.25]
    assert [m.name for m in upgrade.match.headers] == [m.name for m in usual.match.headers] + [
        "upgrade"
    ]


def test_removed_table_and_revision_are_taken_away() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile(simple())

    changes = compiler.compile(Plan())

    assert changes.remove[ResourceType.SCOPE] == {"public/hello.localhost"}
    assert changes.remove[ResourceType.CLUSTER] == {"default/hello-00001"}


def test_longer_paths_come_before_shorter_ones_and_probes_pass_them_all() -> None:
    routes = (
        Route((Split(HELLO),)),
        Route((Split(HELLO),), path="/login"),
        Route((Split(HELLO),), path="/login", headers=(("foo", "bar"),)),
    )
    changes = PlanCompiler(SETTINGS).compile(plan(table("shop", *routes)))

    found = hosts(changes)[0].routes

    assert found[-1].direct_response.status == 200
    assert [(r.match.prefix, len(r.match.headers)) for r in found[:-1]] == [
        ("/login", 2),
        ("/login", 1),
        ("/", 1),
    ]
    assert {r.match.headers[-1].name for r in found[:-1]} == {"k-network-probe"}


def test_mapped_domain_reaches_a_program_as_its_host_and_a_plain_service_in_a_header() -> None:
    web = ServiceKey("default", "web", 80)
    target = {"rewrite_host": "hello.default.svc.cluster.local"}
    told = (("K-Original-Host", "shop.example.com"),)
    routes = [Route((Split(backend),), append_headers=told, **target) for backend in (HELLO, web)]
    tables = [table(name, route) for name, route in zip("ab", routes, strict=True)]

    program, service = (
        host.routes[0] for host in hosts(PlanCompiler(SETTINGS).compile(plan(*tables)))
    )

    assert program.route.host_rewrite_literal == ""
    assert not program.request_headers_to_add
    assert service.route.host_rewrite_literal == "hello.default.svc.cluster.local"
    assert service.request_headers_to_add[0].header.value == "shop.example.com"


def test_parts_under_one_host_see_that_host() -> None:
    """Where the shares of a route are other names of their own; a plain service has its own."""
    names = ("hello.default.svc.cluster.local", "web.default.svc.cluster.local")
    program = Split(HELLO, 70, names[0])
    service = Split(ServiceKey("default", "web", 80), 30, names[1])
    told = (("K-Original-Host", "shop.example.com"),)
    tables = [
        table(name, Route(splits, append_headers=told))
        for name, splits in (("a", (program,)), ("b", (program, service)))
    ]

    alone, shared = (
        host.routes[0] for host in hosts(PlanCompiler(SETTINGS).compile(plan(*tables)))
    )

    assert alone.route.host_rewrite_literal == ""
    assert not alone.request_headers_to_add
    clusters = shared.route.weighted_clusters.clusters
    assert [cluster.host_rewrite_literal for cluster in clusters] == ["", names[1]]
    assert shared.request_headers_to_add[0].header.value == "shop.example.com"


def test_split_weighs_its_revisions() -> None:
    other = RevisionKey("default", "hello-00002")
    shares = table("hello", Route((Split(HELLO, 70), Split(other, 30))))
    compiled = PlanCompiler(SETTINGS).compile(plan(shares))

    weighted = hosts(compiled)[0].routes[0].route.weighted_clusters.clusters

    assert [(c.name, c.weight.value) for c in weighted] == [
        ("default/hello-00001", 70),
        ("default/hello-00002", 30),
    ]
    assert not weighted[1].request_headers_to_add


def test_local_rules_are_found_by_the_internal_listener_only() -> None:
    local = table(
        "hello",
        Route((Split(HELLO),)),
        hosts=("hello.default",),
        visibility=Visibility.CLUSTER_LOCAL,
    )
    changes = PlanCompiler(SETTINGS).compile(plan(local))

    assert scopes(changes) == {}
    (found,) = scopes(changes, "internal").values()
    keys = [fragment.string_key for fragment in found.key.fragments]
    assert keys == ["hello.default", "hello.default"]
    assert [len(builder.fragments) for builder in key_builders(changes)] == [1, 2]


def test_certificates_of_local_hosts_have_a_listener_of_their_own() -> None:
    settings = replace(SETTINGS, https_port=8443, internal_tls_port=9443, inside_address="10.0.0.1")
    compiler = PlanCompiler(settings)
    public = Certificate("a/public", b"chain", b"key")
    local = Certificate("a/local", b"chain", b"key", Visibility.CLUSTER_LOCAL)

    changes = compiler.compile(Plan(certificates=(public, local)))

    listeners = {
        name: listener_pb2.Listener.FromString(resource.body.value)
        for name, resource in changes.put[ResourceType.LISTENER].items()
    }
    inside = listeners["internal-tls"]
    assert inside.address.socket_address.port_value == 9443
    assert inside.additional_addresses[0].address.socket_address.port_value == 443
    for name, mine, other in (
        ("internal-tls", b"a/local", b"a/public"),
        ("public-tls", b"a/public", b"a/local"),
    ):
        wire = listeners[name].SerializeToString()
        assert mine in wire
        assert other not in wire

    changes = compiler.compile(Plan(certificates=(public,)))
    assert changes.remove[ResourceType.LISTENER] == {"internal-tls"}


def test_host_wanted_twice_stays_with_the_first() -> None:
    compiler = PlanCompiler(SETTINGS)
    first = table("first", Route((Split(HELLO),)), hosts=("a.b", "only.first"))
    second = table("second", Route((Split(HELLO),)), hosts=("A.b", "only.second"))

    changes = compiler.compile(plan(first, second))

    assert {
        host: found.route_configuration.virtual_hosts[0].name
        for host, found in scopes(changes).items()
    } == {
        "a.b": "default/first",
        "only.first": "default/first",
        "only.second": "default/second",
    }
    assert [(c.host, c.winner.name, c.loser.name) for c in compiler.conflicts] == [
        ("a.b", "first", "second")
    ]


def test_values_with_percent_signs_are_not_read_as_commands() -> None:
    split = Split(HELLO, append_headers=(("x-discount", "50%"),))
    changes = PlanCompiler(SETTINGS).compile(plan(table("hello", Route((split,)))))

    headers = hosts(changes)[0].routes[0].request_headers_to_add

    assert {h.header.key: h.header.value for h in headers}["x-discount"] == "50%%"


def test_redirect_needs_a_port_to_redirect_to() -> None:
    rule = table("hello", Route((Split(HELLO),)), redirect_to_https=True)
    with_tls = GatewaySettings(SETTINGS.paths, https_port=8443)

    plain = hosts(PlanCompiler(SETTINGS).compile(plan(rule)))[0].routes[0]
    secure = hosts(PlanCompiler(with_tls).compile(plan(rule)))[0].routes[0]

    assert plain.HasField("route")
    assert (secure.redirect.https_redirect, secure.redirect.port_redirect) == (True, 8443)


def test_plain_service_has_no_gate() -> None:
    key = ServiceKey("default", "web", 80)
    compiler = PlanCompiler(SETTINGS)
    compiler.compile_endpoints(key, [ONE])

    changes = compiler.compile(
        Plan({}, services={key: ServiceBackend(key)}),
    )

    assignment = assignments(changes)["svc/default/web/80"]
    assert [group.priority for group in assignment.endpoints] == [0]


def test_cluster_names_are_read_back() -> None:
    assert parse_cluster_name("default/hello") == RevisionKey("default", "hello")
    assert parse_cluster_name("svc/default/web/80") is None
    assert parse_cluster_name("xds") is None


def test_how_often_a_request_was_let_go_is_told_in_the_header_that_programs_see() -> None:
    assert times_let_go("") == 0
    assert proxy_value(0) == "activator"
    assert [times_let_go(proxy_value(hop)) for hop in range(4)] == [1, 2, 3, 4]


def test_wildcards_are_told_to_the_listeners_and_only_they_renew_them() -> None:
    compiler = PlanCompiler(SETTINGS)
    plain = table("plain", Route((Split(HELLO),)))
    covered = table("covered", Route((Split(HELLO),)), hosts=("*.Example.com",))
    compiler.compile(plan())

    more = compiler.compile(plan(plain))
    asterisk = compiler.compile(plan(plain, covered))
    fewer = compiler.compile(plan(covered))

    assert set(more.put) == {ResourceType.SCOPE}
    assert set(asterisk.put[ResourceType.LISTENER]) == {"public", "internal"}
    public, internal = (
        asterisk.put[ResourceType.LISTENER][name].body.value for name in ("public", "internal")
    )
    assert b'["*.example.com"]' in public
    assert b"example.com" not in internal
    assert ResourceType.LISTENER not in fewer.put
