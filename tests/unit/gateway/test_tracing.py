"""From the configuration of tracing to what Envoy is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.trace.v3 import opentelemetry_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2

from wakeful.apis.serving.config import parse_observability, parse_zipkin
from wakeful.gateway import GatewayPaths, GatewaySettings, Plan, ServiceKey, Tracing
from wakeful.gateway.planner.footprints import effective_tracing, plan_tracing, service_address
from wakeful.gateway.translator.compiler import PlanCompiler
from wakeful.gateway.translator.tracing import make_collector_cluster
from wakeful.gateway.xds.resources import Changes, ResourceType

SETTINGS = GatewaySettings(GatewayPaths(Path("/run")), http_port=0, internal_port=0)
ADDRESSES = {ServiceKey("observability", "jaeger", 4318): "10.97.0.7"}


def planned(endpoint: str, protocol: str = "http/protobuf", rate: str = "1") -> Tracing:
    data = {"tracing-protocol": protocol, "tracing-endpoint": endpoint}
    config = parse_observability({**data, "tracing-sampling-rate": rate}).tracing
    found = plan_tracing(config, ADDRESSES)
    assert found is not None
    return found


def cluster_of(tracing: Tracing) -> cluster_pb2.Cluster:
    cluster = make_collector_cluster(tracing)
    assert cluster is not None
    return cluster


def managers(changes: Changes) -> dict[str, hcm_pb2.HttpConnectionManager]:
    found = {}
    for name, resource in changes.put.get(ResourceType.LISTENER, {}).items():
        listener = listener_pb2.Listener.FromString(resource.body.value)
        config = listener.filter_chains[0].filters[0].typed_config
        found[name] = hcm_pb2.HttpConnectionManager.FromString(config.value)
    return found


def tracer(manager: hcm_pb2.HttpConnectionManager) -> opentelemetry_pb2.OpenTelemetryConfig:
    config = manager.tracing.provider.typed_config
    return opentelemetry_pb2.OpenTelemetryConfig.FromString(config.value)


def test_listeners_say_nothing_of_tracing_while_it_is_off() -> None:
    changes = PlanCompiler(SETTINGS).compile(Plan())
    assert managers(changes).keys() == {"public", "internal", "gate"}
    for manager in managers(changes).values():
        assert not manager.HasField("tracing")
        assert not manager.HasField("request_id_extension")


def test_tracing_renews_listeners_and_nothing_else() -> None:
    compiler = PlanCompiler(SETTINGS)
    compiler.compile(Plan())
    on = replace(Plan(), tracing=planned("http://c:4318"))
    first = compiler.compile(on)
    assert managers(first).keys() == {"public", "internal", "gate"}
    assert first.put.keys() == {ResourceType.LISTENER, ResourceType.CLUSTER}
    assert not compiler.compile(on)
    (old,) = first.put[ResourceType.CLUSTER]
    moved = compiler.compile(replace(Plan(), tracing=planned("http://d:4318")))
    assert moved.remove == {ResourceType.CLUSTER: frozenset({old})}
    (new,) = moved.put[ResourceType.CLUSTER]
    off = compiler.compile(Plan())
    assert off.remove == {ResourceType.CLUSTER: frozenset({new})}
    assert not managers(off)["gate"].HasField("tracing")


def test_spans_without_a_collector_go_to_the_control_plane() -> None:
    config = parse_observability({"tracing-protocol": "stdout"}).tracing
    changes = PlanCompiler(SETTINGS).compile(replace(Plan(), tracing=plan_tracing(config, {})))
    service = tracer(managers(changes)["public"]).grpc_service
    assert service.envoy_grpc.cluster_name == "xds"
    assert ResourceType.CLUSTER not in changes.put


def test_collectors_are_reached_by_address_name_or_service() -> None:
    assert cluster_of(planned("http://10.1.1.1:4318")).type == cluster_pb2.Cluster.STATIC
    assert cluster_of(planned("http://c.example.org:4318")).type == cluster_pb2.Cluster.STRICT_DNS
    inside = cluster_of(planned("http://jaeger.observability:4318"))
    where = inside.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address
    assert (where.address, where.port_value) == ("10.97.0.7", 4318)
    assert inside.type == cluster_pb2.Cluster.STATIC


def test_services_are_known_by_each_of_their_names() -> None:
    for ending in ("", ".svc", ".svc.cluster.local", ".svc.cluster.local."):
        assert service_address(f"Jaeger.observability{ending}", 4318, ADDRESSES) == "10.97.0.7"
    assert not service_address("jaeger.observability", 1, ADDRESSES)
    assert not service_address("jaeger", 4318, ADDRESSES)


def test_https_is_checked_by_the_collectors_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    cluster = cluster_of(planned("https://c.example.org", "grpc"))
    context = tls_pb2.UpstreamTlsContext.FromString(cluster.transport_socket.typed_config.value)
    assert context.sni == "c.example.org"
    validation = context.common_tls_context.validation_context
    assert validation.trusted_ca.filename == str(trusted)
    assert validation.match_typed_subject_alt_names[0].matcher.exact == "c.example.org"
    assert list(context.common_tls_context.alpn_protocols) == ["h2"]


def test_the_younger_map_comes_first() -> None:
    zipkin = parse_zipkin({"backend": "zipkin", "zipkin-endpoint": "http://z:9411/api/v2/spans"})
    assert effective_tracing(parse_observability({}), zipkin) is zipkin
    both = parse_observability({"tracing-protocol": "grpc", "tracing-endpoint": "http://c:4317"})
    assert effective_tracing(both, zipkin) is both.tracing


def test_nothing_is_sent_where_nobody_could_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Envoy would refuse the cluster, and with it everything else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    data = {"tracing-protocol": "grpc", "tracing-endpoint": "https://c"}
    config = parse_observability({**data, "tracing-sampling-rate": "1"}).tracing
    assert config.enabled
    assert plan_tracing(config, {}) is None
