"""Routes and endpoints to Envoy, and the gate at which requests wait for sleeping revisions.

Envoy is the only hop; this package is its control plane. A process that imports it should have
``GRPC_ENABLE_FORK_SUPPORT=0`` in its environment before, and must not start programs itself under
uvloop: gRPC's fork handlers would run in the child.
"""

from wakeful.gateway.bootstrap import EnvoyNotFoundError, find_envoy, make_bootstrap
from wakeful.gateway.envoy import (
    EnvoyAdmin,
    EnvoyCommand,
    EnvoyNotReadyError,
    make_command,
    wait_ready,
    write_bootstrap,
)
from wakeful.gateway.gateway import Gateway
from wakeful.gateway.plan import (
    BackendKey,
    Certificate,
    Endpoint,
    GatePlace,
    HostRule,
    IngressKey,
    Plan,
    RequestLog,
    RevisionBackend,
    RevisionKey,
    Route,
    RouteTable,
    ServiceBackend,
    ServiceKey,
    SpanFormat,
    Split,
    Tracing,
    Visibility,
    WireProtocol,
)
from wakeful.gateway.settings import GatewayPaths, GatewaySettings
from wakeful.gateway.thread import GatewayThread
from wakeful.gateway.xds import NackError, PushTimeoutError

__all__ = [
    "BackendKey",
    "Certificate",
    "Endpoint",
    "EnvoyAdmin",
    "EnvoyCommand",
    "EnvoyNotFoundError",
    "EnvoyNotReadyError",
    "GatePlace",
    "Gateway",
    "GatewayPaths",
    "GatewaySettings",
    "GatewayThread",
    "HostRule",
    "IngressKey",
    "NackError",
    "Plan",
    "PushTimeoutError",
    "RequestLog",
    "RevisionBackend",
    "RevisionKey",
    "Route",
    "RouteTable",
    "ServiceBackend",
    "ServiceKey",
    "SpanFormat",
    "Split",
    "Tracing",
    "Visibility",
    "WireProtocol",
    "find_envoy",
    "make_bootstrap",
    "make_command",
    "wait_ready",
    "write_bootstrap",
]
