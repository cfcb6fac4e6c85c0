"""Listeners of plain Services: at addresses of theirs, and at ports of this node.

Connections are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2

from wakeful.gateway.plan import ServiceKey
from wakeful.gateway.translator._proto import any_of, flag, seconds, tcp_address, u32
from wakeful.gateway.translator.names import cluster_name

_CONNECT_ATTEMPTS = 3
"""An instance that just went away is still listed for a moment: try another one."""


def make_service_listener(key: ServiceKey, address: str) -> listener_pb2.Listener:
    """One port of a Service at its cluster IP; named like the cluster that it leads to."""
    return listener_pb2.Listener(
        name=cluster_name(key),
        address=tcp_address(address, key.port),
        # The node may give the address to this host a moment later.
        freebind=flag(True),
        filter_chains=[_chain(key)],
    )


def node_listener_name(key: ServiceKey) -> str:
    """One port has one listener at the cluster IP, and another one here."""
    return f"{cluster_name(key)}@node"


def make_node_listener(
    key: ServiceKey, addresses: Sequence[str], port: int
) -> listener_pb2.Listener:
    """One port of a Service at a port of this node, on these addresses."""
    first, *others = [tcp_address(address, port) for address in addresses]
    return listener_pb2.Listener(
        name=node_listener_name(key),
        address=first,
        additional_addresses=[listener_pb2.AdditionalAddress(address=other) for other in others],
        # Another platform of this user could share the port, and would get every other connection.
        enable_reuse_port=flag(False),
        filter_chains=[_chain(key)],
    )


def _chain(key: ServiceKey) -> listener_components_pb2.FilterChain:
    proxy = tcp_proxy_pb2.TcpProxy(
        stat_prefix="service",
        cluster=cluster_name(key),
        max_connect_attempts=u32(_CONNECT_ATTEMPTS),
        # A connection may be silent for as long as both sides like.
        idle_timeout=seconds(0),
    )
    filters = [
        listener_components_pb2.Filter(
            name="envoy.filters.network.tcp_proxy", typed_config=any_of(proxy)
        )
    ]
    return listener_components_pb2.FilterChain(filters=filters)
