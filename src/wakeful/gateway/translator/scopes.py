"""Scopes: one small route configuration for each host of an Ingress.

Envoy finds the one of a request by its host, in a hash table. It builds a route configuration as a
whole, so one for all hosts would cost a change of any in proportion to all of them.
"""

from __future__ import annotations

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2, scoped_route_pb2
from google.protobuf import any_pb2

from wakeful.gateway.plan import HostRule, RouteTable, Visibility
from wakeful.gateway.translator._proto import any_of
from wakeful.gateway.translator.misses import no_second_looks
from wakeful.gateway.translator.names import (
    HASH_HEADER,
    INTERNAL,
    NAMESPACE_HEADER,
    PROXY_HEADER,
    PUBLIC,
    REVISION_HEADER,
)
from wakeful.gateway.translator.routes import Revisions, RouteOptions, make_routes

SIDES = {Visibility.EXTERNAL_IP: PUBLIC, Visibility.CLUSTER_LOCAL: INTERNAL}
KEY_PARTS = {PUBLIC: 1, INTERNAL: 2}
"""How often the host is in the key of a scope. All listeners are told all scopes; keys of different
lengths are what keeps a host that is cluster-local from being found by one that is not."""

_NOT_FOR_PROGRAMS = (
    REVISION_HEADER,
    NAMESPACE_HEADER,
    HASH_HEADER,
    PROXY_HEADER,
    "x-envoy-external-address",
    "x-envoy-internal",
)
"""Taken off whatever comes in: what Knative takes away, and what only Envoy has to say."""

_CALLER = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
_FORWARDED = f"for={_CALLER};proto=%REQ(X-FORWARDED-PROTO)%"
"""RFC 7239's account of who asked; part of the contract with user programs."""


def make_scopes(
    table: RouteTable, revisions: Revisions, options: RouteOptions
) -> dict[str, any_pb2.Any]:
    """Return a table's scopes by name; each host of a side may have only one."""
    made = {}
    for rule in table.rules:
        for host in rule.hosts:
            scope = _make_scope(rule, host, table, revisions, options)
            made[scope.name] = any_of(scope)
    return made


def _make_scope(
    rule: HostRule, host: str, table: RouteTable, revisions: Revisions, options: RouteOptions
) -> scoped_route_pb2.ScopedRouteConfiguration:
    side = SIDES[rule.visibility]
    fragment = scoped_route_pb2.ScopedRouteConfiguration.Key.Fragment(string_key=host)
    return scoped_route_pb2.ScopedRouteConfiguration(
        name=f"{side}/{host}",
        key=scoped_route_pb2.ScopedRouteConfiguration.Key(fragments=[fragment] * KEY_PARTS[side]),
        route_configuration=route_pb2.RouteConfiguration(
            name=f"{side}/{host}",
            virtual_hosts=[
                route_components_pb2.VirtualHost(
                    name=str(table.key),
                    domains=["*"],
                    routes=make_routes(table, rule, revisions, options),
                )
            ],
            request_headers_to_add=[
                base_pb2.HeaderValueOption(
                    header=base_pb2.HeaderValue(key="forwarded", value=_FORWARDED),
                    append_action=base_pb2.HeaderValueOption.ADD_IF_ABSENT,
                ),
                base_pb2.HeaderValueOption(
                    header=base_pb2.HeaderValue(key="x-forwarded-for", value=_CALLER),
                    append_action=base_pb2.HeaderValueOption.APPEND_IF_EXISTS_OR_ADD,
                ),
            ],
            request_headers_to_remove=_NOT_FOR_PROGRAMS,
            typed_per_filter_config=no_second_looks(),
        ),
    )
