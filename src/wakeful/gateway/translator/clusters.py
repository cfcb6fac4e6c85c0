"""Clusters: how Envoy talks to the instances of one revision, one Service."""

from __future__ import annotations

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2, outlier_detection_pb2
from envoy.config.core.v3 import extension_pb2, protocol_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.load_balancing_policies.least_request.v3 import least_request_pb2
from envoy.extensions.load_balancing_policies.override_host.v3 import override_host_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from envoy.type.metadata.v3 import metadata_pb2
from envoy.type.v3 import percent_pb2

from wakeful.gateway.plan import RevisionBackend, ServiceBackend, WireProtocol
from wakeful.gateway.translator._proto import ads_source, any_of, seconds, u32
from wakeful.gateway.translator.marks import make_gate_socket
from wakeful.gateway.translator.names import (
    MARK_CONFIGURATION,
    MARK_NAME,
    MARK_NAMESPACE,
    MARK_REVISION_NAMESPACE,
    MARK_SERVICE,
    PICK_KEY,
    PICK_NAMESPACE,
    PICK_TRIES,
    RETRY_HEADER,
    cluster_name,
)

_UNLIMITED = 1_000_000
_RETRY_ON = "retriable-headers,connect-failure,refused-stream,reset-before-request"
_RETRY_AT_ONCE_ON = "connect-failure,refused-stream,reset-before-request"
_MAX_RETRIES = 60
"""With the pauses between them these are some ten seconds for a program that takes connections more
slowly than they come: Python's servers have a line of five, and what does not fit goes unheard."""
_CONNECT_SECONDS = 0.25
"""An instance is on this machine: longer than this means unheard, and the kernel would say it again
only after a whole second, together with all others."""
PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def unlimited_breakers() -> circuit_breaker_pb2.CircuitBreakers:
    """Raise all four limits: their default of 1,024 would fail the next request."""
    return circuit_breaker_pb2.CircuitBreakers(
        thresholds=[
            circuit_breaker_pb2.CircuitBreakers.Thresholds(
                max_connections=u32(_UNLIMITED),
                max_pending_requests=u32(_UNLIMITED),
                max_requests=u32(_UNLIMITED),
                max_retries=u32(_UNLIMITED),
            )
        ]
    )


def _outlier_detection() -> outlier_detection_pb2.OutlierDetection:
    # Only failures to reach an instance count: an app's own 5xx is its answer. Envoy also counts a
    # request that ran into its timeout; three in a row, so that one slow request ejects nobody.
    # Never all, of which the gate counts as one more: an instance that is swamped is better than
    # none, and whether one is gone is for the node to say, who knows.
    return outlier_detection_pb2.OutlierDetection(
        split_external_local_origin_errors=True,
        consecutive_local_origin_failure=u32(3),
        enforcing_consecutive_local_origin_failure=u32(100),
        base_ejection_time=seconds(2),
        max_ejection_time=seconds(5),
        max_ejection_percent=u32(49),
        interval=seconds(1),
        enforcing_consecutive_5xx=u32(0),
        enforcing_success_rate=u32(0),
        enforcing_consecutive_gateway_failure=u32(0),
        enforcing_local_origin_success_rate=u32(0),
        enforcing_failure_percentage=u32(0),
        enforcing_failure_percentage_local_origin=u32(0),
    )


def _least_request() -> extension_pb2.TypedExtensionConfig:
    return extension_pb2.TypedExtensionConfig(
        name="envoy.load_balancing_policies.least_request",
        typed_config=any_of(
            least_request_pb2.LeastRequest(
                selection_method=least_request_pb2.LeastRequest.FULL_SCAN
            )
        ),
    )


def _policy(extension: extension_pb2.TypedExtensionConfig) -> cluster_pb2.LoadBalancingPolicy:
    return cluster_pb2.LoadBalancingPolicy(
        policies=[cluster_pb2.LoadBalancingPolicy.Policy(typed_extension_config=extension)]
    )


def _picked_by_gate() -> cluster_pb2.LoadBalancingPolicy:
    """Send to the instance that the gate named; what did not pass the gate goes to the idlest."""
    source = override_host_pb2.OverrideHost.OverrideHostSource(
        metadata=metadata_pb2.MetadataKey(
            key=PICK_NAMESPACE,
            path=[metadata_pb2.MetadataKey.PathSegment(key=PICK_KEY)],
        )
    )
    return _policy(
        extension_pb2.TypedExtensionConfig(
            name="envoy.load_balancing_policies.override_host",
            typed_config=any_of(
                override_host_pb2.OverrideHost(
                    override_host_sources=[source], fallback_policy=_policy(_least_request())
                )
            ),
        )
    )


def retry_policy() -> route_components_pb2.RetryPolicy:
    """Try again only what no instance has begun to work on.

    Lives in the cluster, where it is said once, and not in every route to it.
    """
    return route_components_pb2.RetryPolicy(
        retry_on=_RETRY_ON,
        num_retries=u32(_MAX_RETRIES),
        retriable_headers=[
            route_components_pb2.HeaderMatcher(name=RETRY_HEADER, present_match=True)
        ],
        retry_back_off=route_components_pb2.RetryPolicy.RetryBackOff(
            base_interval=seconds(0.005), max_interval=seconds(0.25)
        ),
    )


def _protocol_options(
    protocol: WireProtocol,
) -> http_protocol_options_pb2.HttpProtocolOptions:
    explicit = http_protocol_options_pb2.HttpProtocolOptions.ExplicitHttpConfig()
    if protocol is WireProtocol.H2C:
        explicit.http2_protocol_options.CopyFrom(
            protocol_pb2.Http2ProtocolOptions(allow_connect=True)
        )
    else:
        explicit.http_protocol_options.CopyFrom(
            protocol_pb2.Http1ProtocolOptions(enable_trailers=True)
        )
    return http_protocol_options_pb2.HttpProtocolOptions(
        explicit_http_config=explicit, retry_policy=retry_policy()
    )


def retry_at_once() -> route_components_pb2.RetryPolicy:
    """Try the instance that the gate picked again when it closed a connection just then.

    The pick names it once for each try, so that no other instance gets a request without a slot.
    Whatever takes longer begins anew at the entrance.
    """
    return route_components_pb2.RetryPolicy(
        retry_on=_RETRY_AT_ONCE_ON,
        num_retries=u32(PICK_TRIES - 1),
        retry_back_off=route_components_pb2.RetryPolicy.RetryBackOff(
            base_interval=seconds(0.001), max_interval=seconds(0.005)
        ),
    )


def _cluster(
    name: str,
    protocol: WireProtocol,
    policy: cluster_pb2.LoadBalancingPolicy,
) -> cluster_pb2.Cluster:
    cluster = cluster_pb2.Cluster(
        name=name,
        type=cluster_pb2.Cluster.EDS,
        eds_cluster_config=cluster_pb2.Cluster.EdsClusterConfig(eds_config=ads_source()),
        connect_timeout=seconds(_CONNECT_SECONDS),
        common_lb_config=cluster_pb2.Cluster.CommonLbConfig(
            healthy_panic_threshold=percent_pb2.Percent(value=0),
            update_merge_window=seconds(0),
        ),
        circuit_breakers=unlimited_breakers(),
        outlier_detection=_outlier_detection(),
        load_balancing_policy=policy,
    )
    cluster.typed_extension_protocol_options[PROTOCOL_OPTIONS].CopyFrom(
        any_of(_protocol_options(protocol))
    )
    return cluster


def make_revision_cluster(backend: RevisionBackend) -> cluster_pb2.Cluster:
    """The cluster routes point to: instances, then the gate; and what the gate sends to."""
    # Looking for a pick costs each warm request a tenth of Envoy's time for it.
    policy = _picked_by_gate() if backend.picked else _policy(_least_request())
    cluster = _cluster(cluster_name(backend.key), backend.protocol, policy)
    cluster.transport_socket_matches.append(make_gate_socket())
    cluster.metadata.filter_metadata[MARK_NAMESPACE].update(
        {
            MARK_NAME: backend.key.name,
            MARK_REVISION_NAMESPACE: backend.key.namespace,
            MARK_SERVICE: backend.service,
            MARK_CONFIGURATION: backend.configuration,
        }
    )
    return cluster


def make_service_cluster(backend: ServiceBackend) -> cluster_pb2.Cluster:
    """The cluster of a plain Service."""
    return _cluster(cluster_name(backend.key), backend.protocol, _policy(_least_request()))
