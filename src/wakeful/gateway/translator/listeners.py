"""Listeners: public, TLS, cluster-local, and the gate that holds requests inside Envoy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from envoy.config.common.mutation_rules.v3 import mutation_rules_pb2
from envoy.config.core.v3 import (
    address_pb2,
    base_pb2,
    extension_pb2,
    grpc_service_pb2,
    protocol_pb2,
)
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.ext_proc.v3 import ext_proc_pb2, processing_mode_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)
from envoy.extensions.http.early_header_mutation.header_mutation.v3 import header_mutation_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2
from envoy.type.matcher.v3 import string_pb2

from wakeful.gateway.plan import Certificate, RequestLog, Tracing, Visibility
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.translator._proto import (
    ads_source,
    any_of,
    flag,
    seconds,
    set_header,
    tcp_address,
)
from wakeful.gateway.translator.clusters import retry_at_once
from wakeful.gateway.translator.logfilters import response_flags
from wakeful.gateway.translator.misses import second_looks
from wakeful.gateway.translator.names import (
    ARRIVAL_HEADER,
    CLUSTER_HEADER,
    GATE,
    GATE_CLUSTER,
    INTERNAL,
    INTERNAL_TLS,
    MARK_NAMESPACE,
    PICK_NAMESPACE,
    PROXY_HEADER,
    PUBLIC,
    PUBLIC_TLS,
    RETRY_HEADER,
    TIMING_HEADER,
    TIMING_KEY,
    TIMING_NAMESPACE,
    TIMING_RESPONSE_HEADER,
)
from wakeful.gateway.translator.replies import make_entrance_replies
from wakeful.gateway.translator.requestlog import make_access_log
from wakeful.gateway.translator.requeststats import make_request_stats
from wakeful.gateway.translator.scopes import KEY_PARTS
from wakeful.gateway.translator.servedby import learn_who_served, tell_who_served
from wakeful.gateway.translator.tracing import trace_entrance, trace_gate
from wakeful.gateway.translator.upgradelog import log_upgrades

_CONNECTION_MANAGER = "envoy.filters.network.http_connection_manager"
_ALL = "*"
_LONGEST_HOLD_SECONDS = 3600
_NOT_REACHED_FLAGS = ("UH", "UF", "NC")


@dataclass(frozen=True, slots=True)
class Manner:
    """What all entrances have in common; a change of it renews them."""

    log: RequestLog | None = None
    tracing: Tracing | None = None
    request_stats: bool = False
    wildcards: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Hosts with an asterisk, by side."""

    @property
    def of_gate(self) -> tuple[Tracing | None, bool]:
        """What the gate does differently for it: its spans, and whether it says who served."""
        return self.tracing, self.log is not None


_PLAIN = Manner()


def _router() -> hcm_pb2.HttpFilter:
    return hcm_pb2.HttpFilter(
        name="envoy.filters.http.router",
        typed_config=any_of(router_pb2.Router(suppress_envoy_headers=True)),
    )


def _connection_manager(
    name: str, filters: Iterable[hcm_pb2.HttpFilter] = ()
) -> hcm_pb2.HttpConnectionManager:
    manager = hcm_pb2.HttpConnectionManager(
        stat_prefix=name,
        http_filters=[*filters, _router()],
        upgrade_configs=[hcm_pb2.HttpConnectionManager.UpgradeConfig(upgrade_type="websocket")],
        # Held requests are silent for as long as their revision allows.
        stream_idle_timeout=seconds(0),
        generate_request_id=flag(False),
        server_header_transformation=hcm_pb2.HttpConnectionManager.PASS_THROUGH,
    )
    log_upgrades(manager, name)
    return manager


def _http1() -> protocol_pb2.Http1ProtocolOptions:
    return protocol_pb2.Http1ProtocolOptions(accept_http_10=True, enable_trailers=True)


def _scoped_routes(name: str) -> hcm_pb2.ScopedRoutes:
    """Routes are found by the host; see :mod:`.scopes`."""
    builder = hcm_pb2.ScopedRoutes.ScopeKeyBuilder
    extractor = builder.FragmentBuilder.HeaderValueExtractor(name=":authority", index=0)
    fragment = builder.FragmentBuilder(header_value_extractor=extractor)
    return hcm_pb2.ScopedRoutes(
        name=name,
        scope_key_builder=builder(fragments=[fragment] * KEY_PARTS[name]),
        rds_config_source=ads_source(),
        scoped_rds=hcm_pb2.ScopedRds(scoped_rds_config_source=ads_source()),
    )


def _entrance(name: str, manner: Manner) -> hcm_pb2.HttpConnectionManager:
    filters = second_looks(manner.wildcards.get(name, ()))
    if manner.log is not None:
        filters.append(learn_who_served())
    manager = _connection_manager(name, filters)
    if manner.log is not None:
        manager.access_log.append(make_access_log(manner.log))
    if manner.request_stats:
        manager.access_log.append(make_request_stats())
    if manner.tracing is not None:
        trace_entrance(manager, manner.tracing)
    manager.scoped_routes.CopyFrom(_scoped_routes(name))
    manager.use_remote_address.CopyFrom(flag(True))
    manager.skip_xff_append = True  # routes add the caller; Envoy takes itself for one on loopback
    manager.strip_any_host_port = True
    manager.strip_trailing_host_dot = True
    manager.http_protocol_options.CopyFrom(_http1())
    manager.http2_protocol_options.CopyFrom(protocol_pb2.Http2ProtocolOptions(allow_connect=True))
    manager.local_reply_config.CopyFrom(make_entrance_replies())
    return manager


def _chain(manager: hcm_pb2.HttpConnectionManager) -> listener_components_pb2.FilterChain:
    return listener_components_pb2.FilterChain(
        filters=[
            listener_components_pb2.Filter(name=_CONNECTION_MANAGER, typed_config=any_of(manager))
        ]
    )


def _listener(
    name: str, addresses: Sequence[address_pb2.Address], chain: listener_components_pb2.FilterChain
) -> listener_pb2.Listener:
    return listener_pb2.Listener(
        name=name,
        address=addresses[0],
        additional_addresses=[
            listener_pb2.AdditionalAddress(address=address) for address in addresses[1:]
        ],
        filter_chains=[chain],
    )


def make_public_listener(
    settings: GatewaySettings, manner: Manner = _PLAIN
) -> listener_pb2.Listener:
    """Plain HTTP for hosts visible from outside."""
    addresses = [tcp_address(host, settings.http_port) for host in settings.http_addresses]
    return _listener(PUBLIC, addresses, _chain(_entrance(PUBLIC, manner)))


def make_internal_listener(
    settings: GatewaySettings, manner: Manner = _PLAIN
) -> listener_pb2.Listener:
    """Plain HTTP for cluster-local hosts."""
    addresses = [tcp_address(host, settings.internal_port) for host in settings.internal_addresses]
    if settings.inside_address is not None:
        addresses.append(tcp_address(settings.inside_address, settings.inside_port))
    return _listener(INTERNAL, addresses, _chain(_entrance(INTERNAL, manner)))


def make_tls_listener(
    settings: GatewaySettings,
    visibility: Visibility,
    certificates: Sequence[Certificate],
    manner: Manner = _PLAIN,
) -> listener_pb2.Listener | None:
    """HTTPS for the same hosts; certificates come over the same stream and rotate in place.

    None where there is no port for it.
    """
    public = visibility is Visibility.EXTERNAL_IP
    addresses = _public_tls_addresses(settings) if public else _internal_tls_addresses(settings)
    if not addresses:
        return None
    context = tls_pb2.DownstreamTlsContext(
        common_tls_context=tls_pb2.CommonTlsContext(
            alpn_protocols=["h2", "http/1.1"],
            tls_params=common_pb2.TlsParameters(
                tls_minimum_protocol_version=common_pb2.TlsParameters.TLSv1_2
            ),
            tls_certificate_sds_secret_configs=[
                secret_pb2.SdsSecretConfig(name=certificate.name, sds_config=ads_source())
                for certificate in certificates
            ],
        )
    )
    chain = _chain(_entrance(PUBLIC if public else INTERNAL, manner))
    chain.transport_socket.CopyFrom(
        base_pb2.TransportSocket(name="envoy.transport_sockets.tls", typed_config=any_of(context))
    )
    return _listener(PUBLIC_TLS if public else INTERNAL_TLS, addresses, chain)


def _public_tls_addresses(settings: GatewaySettings) -> list[address_pb2.Address]:
    port = settings.https_port
    return [] if port is None else [tcp_address(host, port) for host in settings.http_addresses]


def _internal_tls_addresses(settings: GatewaySettings) -> list[address_pb2.Address]:
    port = settings.internal_tls_port
    found = []
    if port is not None:
        found += [tcp_address(host, port) for host in settings.internal_addresses]
    if settings.inside_address is not None:
        found.append(tcp_address(settings.inside_address, settings.inside_tls_port))
    return found


def make_secret(certificate: Certificate) -> secret_pb2.Secret:
    """A certificate as Envoy fetches it."""
    return secret_pb2.Secret(
        name=certificate.name,
        tls_certificate=common_pb2.TlsCertificate(
            certificate_chain=base_pb2.DataSource(inline_bytes=certificate.chain_pem),
            private_key=base_pb2.DataSource(inline_bytes=certificate.key_pem),
        ),
    )


def _external_processor() -> hcm_pb2.HttpFilter:
    mode = processing_mode_pb2.ProcessingMode
    processor = ext_proc_pb2.ExternalProcessor(
        grpc_service=grpc_service_pb2.GrpcService(
            envoy_grpc=grpc_service_pb2.GrpcService.EnvoyGrpc(cluster_name=GATE_CLUSTER),
            # A request that waits while the control plane restarts is asked about again.
            retry_policy=base_pb2.RetryPolicy(
                num_retries={"value": 30},
                retry_on="unavailable,connect-failure,reset",
                retry_back_off={"base_interval": seconds(0.1), "max_interval": seconds(1)},
            ),
        ),
        # Trailers are asked for so that the stream stays open until the response has ended.
        processing_mode=mode(
            request_header_mode=mode.SEND,
            response_header_mode=mode.SKIP,
            request_body_mode=mode.NONE,
            response_body_mode=mode.NONE,
            request_trailer_mode=mode.SKIP,
            response_trailer_mode=mode.SEND,
        ),
        message_timeout=seconds(_LONGEST_HOLD_SECONDS),
        # Requests that were let go already must not care whether the control plane lives.
        failure_mode_allow=True,
        metadata_options=ext_proc_pb2.MetadataOptions(
            forwarding_namespaces=ext_proc_pb2.MetadataOptions.MetadataNamespaces(
                untyped=[MARK_NAMESPACE]
            ),
            receiving_namespaces=ext_proc_pb2.MetadataOptions.MetadataNamespaces(
                untyped=[PICK_NAMESPACE, TIMING_NAMESPACE]
            ),
        ),
        forward_rules=ext_proc_pb2.HeaderForwardingRules(
            allowed_headers=string_pb2.ListStringMatcher(
                patterns=[
                    string_pb2.StringMatcher(exact=name.lower())
                    for name in (":method", PROXY_HEADER, TIMING_HEADER, ARRIVAL_HEADER)
                ]
            )
        ),
    )
    return hcm_pb2.HttpFilter(name="envoy.filters.http.ext_proc", typed_config=any_of(processor))


def _gate_routes(manner: Manner) -> route_pb2.RouteConfiguration:
    released = route_components_pb2.Route(
        match=route_components_pb2.RouteMatch(
            prefix="/",
            headers=[route_components_pb2.HeaderMatcher(name=CLUSTER_HEADER, present_match=True)],
        ),
        route=route_components_pb2.RouteAction(
            cluster_header=CLUSTER_HEADER, timeout=seconds(0), retry_policy=retry_at_once()
        ),
        request_headers_to_remove=[CLUSTER_HEADER, ARRIVAL_HEADER],
        response_headers_to_add=[
            base_pb2.HeaderValueOption(
                header=base_pb2.HeaderValue(
                    key=TIMING_RESPONSE_HEADER,
                    value=f"%DYNAMIC_METADATA({TIMING_NAMESPACE}:{TIMING_KEY})%",
                ),
                # The program may have timings of its own to tell.
                append_action=base_pb2.HeaderValueOption.APPEND_IF_EXISTS_OR_ADD,
            )
        ],
    )
    if manner.log is not None:
        released.response_headers_to_add.extend(tell_who_served())
    # Reached only when the gate could not be asked for half a minute.
    nobody = route_components_pb2.Route(
        match=route_components_pb2.RouteMatch(prefix="/"),
        direct_response=route_components_pb2.DirectResponseAction(
            status=503, body=base_pb2.DataSource(inline_string="the gate does not answer")
        ),
        response_headers_to_add=[set_header(RETRY_HEADER, "1")],
    )
    return route_pb2.RouteConfiguration(
        name=GATE,
        virtual_hosts=[
            route_components_pb2.VirtualHost(name=GATE, domains=[_ALL], routes=[released, nobody])
        ],
    )


def _note_arrival() -> extension_pb2.TypedExtensionConfig:
    """Requests of a burst come sooner than the gate can hear of them one after the other."""
    mutation = mutation_rules_pb2.HeaderMutation(
        append=base_pb2.HeaderValueOption(
            header=base_pb2.HeaderValue(key=ARRIVAL_HEADER, value="%START_TIME(%s.%6f)%"),
            append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
        )
    )
    return extension_pb2.TypedExtensionConfig(
        name="arrival",
        typed_config=any_of(header_mutation_pb2.HeaderMutation(mutations=[mutation])),
    )


def make_gate_listener(manner: Manner = _PLAIN) -> listener_pb2.Listener:
    """One listener inside Envoy, with no address outside, holds the requests of every revision."""
    manager = _connection_manager(GATE, [_external_processor()])
    if manner.tracing is not None:
        trace_gate(manager, manner.tracing)
    manager.route_config.CopyFrom(_gate_routes(manner))
    manager.skip_xff_append = True
    manager.early_header_mutation_extensions.append(_note_arrival())
    manager.http_protocol_options.CopyFrom(_http1())
    manager.http2_protocol_options.CopyFrom(protocol_pb2.Http2ProtocolOptions(allow_connect=True))
    manager.local_reply_config.CopyFrom(
        hcm_pb2.LocalReplyConfig(
            mappers=[
                hcm_pb2.ResponseMapper(
                    filter=response_flags(*_NOT_REACHED_FLAGS),
                    headers_to_add=[set_header(RETRY_HEADER, "1")],
                )
            ]
        )
    )
    return listener_pb2.Listener(
        name=GATE,
        internal_listener=listener_pb2.Listener.InternalListenerConfig(),
        filter_chains=[_chain(manager)],
        ignore_global_conn_limit=True,  # every held request was counted at its entrance
    )
