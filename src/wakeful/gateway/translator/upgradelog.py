"""Access log entries about upgraded connections, for the control plane; see ``gateway.upgrades``.

A request that asks for no upgrade costs Envoy two comparisons when it ends.
"""

from __future__ import annotations

from envoy.config.accesslog.v3 import accesslog_pb2
from envoy.config.core.v3 import config_source_pb2, grpc_service_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.access_loggers.grpc.v3 import als_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)

from wakeful.gateway.translator._proto import any_of, u32
from wakeful.gateway.translator.logfilters import BEGAN, ENDED, all_of, at
from wakeful.gateway.translator.names import CONTROL_CLUSTER


def log_upgrades(manager: hcm_pb2.HttpConnectionManager, listener: str) -> None:
    """Have begin and end of each upgraded connection told, under the listener's name."""
    manager.access_log_options.flush_log_on_tunnel_successfully_established = True
    manager.access_log.append(_make_log(listener))


def _make_log(listener: str) -> accesslog_pb2.AccessLog:
    config = als_pb2.CommonGrpcAccessLogConfig(
        log_name=listener,
        transport_api_version=config_source_pb2.ApiVersion.V3,
        grpc_service=grpc_service_pb2.GrpcService(
            envoy_grpc=grpc_service_pb2.GrpcService.EnvoyGrpc(cluster_name=CONTROL_CLUSTER)
        ),
        buffer_size_bytes=u32(0),  # at once: an instance may be waiting for it
    )
    return accesslog_pb2.AccessLog(
        name="envoy.access_loggers.http_grpc",
        typed_config=any_of(als_pb2.HttpGrpcAccessLogConfig(common_config=config)),
        filter=all_of(_is_upgrade(), at(BEGAN, ENDED)),
    )


def _is_upgrade() -> accesslog_pb2.AccessLogFilter:
    """Requests for an upgrade; Envoy gives those of HTTP/2 this header too."""
    header = route_components_pb2.HeaderMatcher(name="upgrade", present_match=True)
    return accesslog_pb2.AccessLogFilter(header_filter=accesslog_pb2.HeaderFilter(header=header))
