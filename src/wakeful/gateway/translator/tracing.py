"""Tracing: which spans Envoy makes of requests, what they say, and whom it sends them to.

A request is one span at its entrance, which is the parent of whatever the program makes of it. One
that passes the gate has two more: ``activator``, from its arrival there, and ``activator_proxy``,
from the moment it was let go to an instance. What is between both beginnings it waited.
"""

from __future__ import annotations

import hashlib

from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import (
    base_pb2,
    extension_pb2,
    grpc_service_pb2,
    http_service_pb2,
    http_uri_pb2,
    protocol_pb2,
)
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.trace.v3 import http_tracer_pb2, opentelemetry_pb2, zipkin_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from envoy.extensions.request_id.uuid.v3 import uuid_pb2
from envoy.extensions.tracers.opentelemetry.samplers.v3 import (
    parent_based_sampler_pb2,
    trace_id_ratio_based_sampler_pb2,
)
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, tls_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from envoy.type.metadata.v3 import metadata_pb2
from envoy.type.tracing.v3 import custom_tag_pb2
from envoy.type.v3 import percent_pb2
from google.protobuf.message import Message

from wakeful.apis.serving.config.collectors import CollectorAddress, is_ip_address
from wakeful.gateway.plan import SpanFormat, Tracing
from wakeful.gateway.translator._proto import any_of, flag, seconds, tcp_address
from wakeful.gateway.translator.clusters import PROTOCOL_OPTIONS, unlimited_breakers
from wakeful.gateway.translator.names import (
    COLLECTOR_PREFIX,
    CONTROL_CLUSTER,
    MARK_CONFIGURATION,
    MARK_NAME,
    MARK_NAMESPACE,
    MARK_REVISION_NAMESPACE,
    MARK_SERVICE,
)
from wakeful.telemetry.push import trusted_authorities

SERVICE_NAME = "wakeful-gateway"
_MILLION = 1_000_000
_EXPORT_SECONDS = 5.0
_ATTRIBUTES = {
    "kn.service.name": MARK_SERVICE,
    "kn.configuration.name": MARK_CONFIGURATION,
    "kn.revision.name": MARK_NAME,
    "k8s.namespace.name": MARK_REVISION_NAMESPACE,
}
"""Knative's names for what it says of a revision on spans.

What requests and answers were, Envoy says by itself. Tags out of its format strings would be made
of every request, sampled or not: three of them made each some 15 % dearer.
"""


def trace_entrance(manager: hcm_pb2.HttpConnectionManager, tracing: Tracing) -> None:
    """Make one span of each request that comes in."""
    _trace(manager, tracing)
    manager.tracing.operation = "%REQ(:METHOD)%"


def trace_gate(manager: hcm_pb2.HttpConnectionManager, tracing: Tracing) -> None:
    """Make spans of what is held: of the whole, and of what follows the wait."""
    _trace(manager, tracing)
    manager.tracing.operation = "activator"
    manager.tracing.upstream_operation = "activator_proxy"
    manager.tracing.spawn_upstream_span.CopyFrom(flag(True))


def _trace(manager: hcm_pb2.HttpConnectionManager, tracing: Tracing) -> None:
    # Without request IDs Envoy takes every request for one to trace, and leaves the decision to
    # the tracer. That of Zipkin makes none: it needs the IDs, which programs get to see then.
    by_id = tracing.format is SpanFormat.ZIPKIN and tracing.sampling_rate < 1
    ids = uuid_pb2.UuidRequestIdConfig(
        pack_trace_reason=flag(False), use_request_id_for_trace_sampling=flag(by_id)
    )
    manager.request_id_extension.typed_config.CopyFrom(any_of(ids))
    manager.generate_request_id.CopyFrom(flag(by_id))
    manager.preserve_external_request_id = True
    rate = tracing.sampling_rate if by_id else 1.0
    manager.tracing.CopyFrom(
        hcm_pb2.HttpConnectionManager.Tracing(
            provider=_provider(tracing),
            random_sampling=percent_pb2.Percent(value=100 * rate),
            # A client may decide by the headers of its trace, and by no others.
            client_sampling=percent_pb2.Percent(value=0),
            overall_sampling=percent_pb2.Percent(value=100),
            custom_tags=[_attribute(name, key) for name, key in _ATTRIBUTES.items()],
        )
    )


def _attribute(name: str, key: str) -> custom_tag_pb2.CustomTag:
    """What the cluster that a request was sent to says of itself."""
    cluster = metadata_pb2.MetadataKind(cluster=metadata_pb2.MetadataKind.Cluster())
    path = [metadata_pb2.MetadataKey.PathSegment(key=key)]
    where = metadata_pb2.MetadataKey(key=MARK_NAMESPACE, path=path)
    return custom_tag_pb2.CustomTag(
        tag=name, metadata=custom_tag_pb2.CustomTag.Metadata(kind=cluster, metadata_key=where)
    )


def _provider(tracing: Tracing) -> http_tracer_pb2.Tracing.Http:
    if tracing.format is SpanFormat.ZIPKIN:
        return _extension("envoy.tracers.zipkin", _zipkin(tracing))
    return _extension("envoy.tracers.opentelemetry", _opentelemetry(tracing))


def _extension(name: str, config: Message) -> http_tracer_pb2.Tracing.Http:
    return http_tracer_pb2.Tracing.Http(name=name, typed_config=any_of(config))


def _opentelemetry(tracing: Tracing) -> opentelemetry_pb2.OpenTelemetryConfig:
    config = opentelemetry_pb2.OpenTelemetryConfig(
        service_name=SERVICE_NAME, sampler=_sampler(tracing.sampling_rate)
    )
    collector = tracing.collector
    if tracing.format is SpanFormat.OTLP_HTTP and collector is not None:
        uri = http_uri_pb2.HttpUri(
            uri=collector.url, cluster=collector_name(tracing), timeout=seconds(_EXPORT_SECONDS)
        )
        config.http_service.CopyFrom(http_service_pb2.HttpService(http_uri=uri))
        return config
    envoy_grpc = grpc_service_pb2.GrpcService.EnvoyGrpc(
        cluster_name=CONTROL_CLUSTER if collector is None else collector_name(tracing),
        authority="" if collector is None else collector.authority,
    )
    config.grpc_service.CopyFrom(
        grpc_service_pb2.GrpcService(envoy_grpc=envoy_grpc, timeout=seconds(_EXPORT_SECONDS))
    )
    return config


def _sampler(rate: float) -> extension_pb2.TypedExtensionConfig:
    """Whoever began the trace has decided; for traces that begin here, chance does."""
    fraction = percent_pb2.FractionalPercent(
        numerator=round(rate * _MILLION), denominator=percent_pb2.FractionalPercent.MILLION
    )
    ratio = extension_pb2.TypedExtensionConfig(
        name="envoy.tracers.opentelemetry.samplers.trace_id_ratio_based",
        typed_config=any_of(
            trace_id_ratio_based_sampler_pb2.TraceIdRatioBasedSamplerConfig(
                sampling_percentage=fraction
            )
        ),
    )
    return extension_pb2.TypedExtensionConfig(
        name="envoy.tracers.opentelemetry.samplers.parent_based",
        typed_config=any_of(
            parent_based_sampler_pb2.ParentBasedSamplerConfig(wrapped_sampler=ratio)
        ),
    )


def _zipkin(tracing: Tracing) -> zipkin_pb2.ZipkinConfig:
    config = zipkin_pb2.ZipkinConfig(
        collector_cluster=collector_name(tracing),
        collector_endpoint_version=zipkin_pb2.ZipkinConfig.HTTP_JSON,
        trace_id_128bit=True,
        # The program's span has an ID of its own, as with OpenTelemetry.
        shared_span_context=flag(False),
        trace_context_option=zipkin_pb2.ZipkinConfig.USE_B3_WITH_W3C_PROPAGATION,
    )
    if tracing.collector is not None:
        config.collector_endpoint = tracing.collector.path
        config.collector_hostname = tracing.collector.authority
    return config


def collector_name(tracing: Tracing) -> str:
    """Another collector is another cluster: connections that end still send to the one before."""
    content = repr((tracing.format, tracing.collector, tracing.address)).encode()
    return COLLECTOR_PREFIX + hashlib.blake2b(content, digest_size=4).hexdigest()


def make_collector_cluster(tracing: Tracing) -> cluster_pb2.Cluster | None:
    """The cluster that spans are sent to; None where that is our own control plane."""
    collector = tracing.collector
    if collector is None:
        return None
    where = tracing.address or collector.host
    kind = cluster_pb2.Cluster.STATIC if is_ip_address(where) else cluster_pb2.Cluster.STRICT_DNS
    host = endpoint_components_pb2.LbEndpoint(
        endpoint=endpoint_components_pb2.Endpoint(address=tcp_address(where, collector.port))
    )
    group = endpoint_components_pb2.LocalityLbEndpoints(lb_endpoints=[host])
    cluster = cluster_pb2.Cluster(
        name=collector_name(tracing),
        type=kind,
        # "localhost" is two addresses, and a collector may listen at either.
        dns_lookup_family=cluster_pb2.Cluster.ALL,
        connect_timeout=seconds(1),
        circuit_breakers=unlimited_breakers(),
        load_assignment=endpoint_pb2.ClusterLoadAssignment(
            cluster_name=collector_name(tracing), endpoints=[group]
        ),
    )
    if tracing.format is SpanFormat.OTLP_GRPC:
        cluster.typed_extension_protocol_options[PROTOCOL_OPTIONS].CopyFrom(any_of(_http2()))
    if collector.tls:
        cluster.transport_socket.CopyFrom(_tls(collector, tracing.format))
    return cluster


def _http2() -> http_protocol_options_pb2.HttpProtocolOptions:
    explicit = http_protocol_options_pb2.HttpProtocolOptions.ExplicitHttpConfig(
        http2_protocol_options=protocol_pb2.Http2ProtocolOptions()
    )
    return http_protocol_options_pb2.HttpProtocolOptions(explicit_http_config=explicit)


def _tls(collector: CollectorAddress, how: SpanFormat) -> base_pb2.TransportSocket:
    """Check the collector's certificate by the authorities that this machine trusts."""
    name = _subject(collector.host)
    validation = common_pb2.CertificateValidationContext(
        trusted_ca=base_pb2.DataSource(filename=str(trusted_authorities())),
        match_typed_subject_alt_names=[name],
    )
    protocols = ["h2"] if how is SpanFormat.OTLP_GRPC else ["http/1.1"]
    context = tls_pb2.UpstreamTlsContext(
        sni="" if is_ip_address(collector.host) else collector.host,
        common_tls_context=tls_pb2.CommonTlsContext(
            alpn_protocols=protocols, validation_context=validation
        ),
    )
    return base_pb2.TransportSocket(
        name="envoy.transport_sockets.tls", typed_config=any_of(context)
    )


def _subject(host: str) -> common_pb2.SubjectAltNameMatcher:
    """What the certificate has to name."""
    matcher = common_pb2.SubjectAltNameMatcher
    kind = matcher.IP_ADDRESS if is_ip_address(host) else matcher.DNS
    return matcher(san_type=kind, matcher={"exact": host})
