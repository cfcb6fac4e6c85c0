"""Routes: from the paths, headers and splits of an Ingress to what Envoy does with a request."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.type.matcher.v3 import string_pb2

from wakeful.gateway.plan import (
    Header,
    HostRule,
    IngressKey,
    PathMatch,
    RevisionBackend,
    RevisionKey,
    Route,
    RouteTable,
    Split,
    Visibility,
)
from wakeful.gateway.translator._proto import seconds, set_header, u32
from wakeful.gateway.translator.clusters import retry_policy
from wakeful.gateway.translator.misses import FOUND
from wakeful.gateway.translator.names import (
    HASH_HEADER,
    HASH_OVERRIDE,
    NAMESPACE_HEADER,
    ORIGINAL_HOST_HEADER,
    PROBE_HEADER,
    PROBE_VALUE,
    REVISION_HEADER,
    VERSION_HEADER,
    cluster_name,
)

Revisions = Mapping[RevisionKey, RevisionBackend]


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What routes need to know beside the table itself."""

    margin_seconds: float = 0.25
    """How much longer than the revision's timeout Envoy waits; see ``GatewaySettings``."""
    https_port: int | None = None


@dataclass(frozen=True, slots=True)
class HostConflict:
    """A host that two Ingresses want; the first keeps it."""

    host: str
    winner: IngressKey
    loser: IngressKey


def resolve_conflicts(
    tables: Iterable[RouteTable],
) -> tuple[dict[IngressKey, RouteTable], list[HostConflict]]:
    """Take hosts that an older table has away from younger ones.

    Envoy refuses whatever comes with a host that is there already; one user's mistake must not
    stop everybody's changes.
    """
    owners: dict[tuple[Visibility, str], IngressKey] = {}
    kept: dict[IngressKey, RouteTable] = {}
    conflicts: list[HostConflict] = []
    for table in sorted(tables, key=lambda table: (table.since, table.key)):
        rules: list[HostRule] = []
        for rule in table.rules:
            hosts = []
            for host in rule.hosts:
                claim = (rule.visibility, host.lower())
                if claim not in owners:
                    owners[claim] = table.key
                    hosts.append(host.lower())
                elif owners[claim] != table.key:
                    conflicts.append(HostConflict(host.lower(), owners[claim], table.key))
            names = tuple(hosts)
            rules.append(rule if names == rule.hosts else replace(rule, hosts=names))
        whole = tuple(rules) == table.rules
        kept[table.key] = table if whole else replace(table, rules=tuple(rules))
    return kept, conflicts


def _match(
    path: str, headers: Iterable[Header], how: PathMatch = PathMatch.CHARACTERS
) -> route_components_pb2.RouteMatch:
    match = route_components_pb2.RouteMatch(
        headers=[
            route_components_pb2.HeaderMatcher(
                name=name.lower(), string_match=string_pb2.StringMatcher(exact=value)
            )
            for name, value in headers
        ]
    )
    whole = path.rstrip("/")
    if how is PathMatch.EXACT:
        match.path = path
    elif how is PathMatch.SEGMENTS and whole:
        match.path_separated_prefix = whole
    else:
        match.prefix = path or "/"
    return match


def _rewrite_path(action: route_components_pb2.RouteAction, route: Route) -> None:
    """Put ``rewrite_path`` in the place of what was matched, and keep what follows."""
    if not route.rewrite_path:
        return
    matched, wanted = route.path.rstrip("/"), route.rewrite_path.rstrip("/")
    if route.path_match is PathMatch.EXACT:
        action.prefix_rewrite = route.rewrite_path
    elif not wanted:
        # "/" in the place of a prefix would leave two slashes before the rest.
        action.regex_rewrite.pattern.regex = f"^{_escape(matched)}/*"
        action.regex_rewrite.substitution = "/"
    elif matched:
        action.prefix_rewrite = wanted
    else:
        action.prefix_rewrite = f"{wanted}/"


def _escape(path: str) -> str:
    """For RE2, which knows fewer escapes than Python's."""
    return re.sub(r"([.+*?()|\[\]{}^$\\])", r"\\\1", path)


def _empty(name: str, *, invert: bool = False) -> route_components_pb2.HeaderMatcher:
    """Matches requests without the header, or with one that says nothing."""
    return route_components_pb2.HeaderMatcher(
        name=name.lower(),
        string_match=string_pb2.StringMatcher(exact=""),
        treat_missing_header_as_empty=True,
        invert_match=invert,
    )


def _no_probe(match: route_components_pb2.RouteMatch) -> route_components_pb2.RouteMatch:
    """Leave probes to the route that answers them; asked here, it is asked once a request."""
    match.headers.append(_empty(PROBE_HEADER))
    return match


def _probe_route(table: RouteTable) -> route_components_pb2.Route:
    """Answer with the hash that is served; see :mod:`.misses` for probers that know it."""
    return route_components_pb2.Route(
        name=FOUND,
        match=_match("/", [(PROBE_HEADER, PROBE_VALUE), (HASH_HEADER, HASH_OVERRIDE)]),
        direct_response=route_components_pb2.DirectResponseAction(status=200),
        response_headers_to_add=[
            set_header(HASH_HEADER, table.probe_hash),
            set_header(VERSION_HEADER, table.version),
        ],
    )


def _split_headers(split: Split) -> list[base_pb2.HeaderValueOption]:
    headers = dict(split.append_headers)
    if isinstance(split.backend, RevisionKey):
        for name in (REVISION_HEADER, NAMESPACE_HEADER):
            headers.pop(name, None)  # the endpoint knows, and only the gate is told
    return [set_header(name, value) for name, value in sorted(headers.items())]


def _action(
    route: Route, revisions: Revisions, options: RouteOptions
) -> route_components_pb2.RouteAction:
    action = route_components_pb2.RouteAction()
    backends = [
        revisions[split.backend]
        for split in route.splits
        if isinstance(split.backend, RevisionKey) and split.backend in revisions
    ]
    _limit_time(action, backends, options.margin_seconds)
    _rewrite_path(action, route)
    if route.rewrite_host and not _keeps_host(route):
        action.host_rewrite_literal = route.rewrite_host
    splits = [split for split in route.splits if split.percent > 0] or list(route.splits[:1])
    if len(splits) == 1:
        action.cluster = cluster_name(splits[0].backend)
        if host := _rewritten_host(route, splits[0]):
            action.host_rewrite_literal = host
    else:
        for split in splits:
            action.weighted_clusters.clusters.add(
                name=cluster_name(split.backend),
                weight=u32(split.percent),
                request_headers_to_add=_split_headers(split),
                host_rewrite_literal=_rewritten_host(route, split),
            )
    return action


def _limit_time(
    action: route_components_pb2.RouteAction, backends: list[RevisionBackend], margin: float
) -> None:
    """One route has one timeout; the most patient of its revisions decides. None is no limit.

    It counts from the request's beginning, as Knative's does. Envoy's own ``timeout`` would count
    from its end, which an upgraded connection or a stream of gRPC reaches last of all. That of a
    try does so, too, and is all there is for ``responseStartTimeoutSeconds``.
    """
    longest = _longest([backend.timeout_seconds for backend in backends])
    action.timeout.CopyFrom(seconds(0.0))
    if longest:
        action.max_stream_duration.max_stream_duration.CopyFrom(seconds(longest + margin))
    if idle := _longest([backend.idle_timeout_seconds for backend in backends]):
        action.idle_timeout.CopyFrom(seconds(idle))
    if start := _longest([backend.response_start_timeout_seconds for backend in backends]):
        action.retry_policy.CopyFrom(retry_policy())
        action.retry_policy.per_try_timeout.CopyFrom(seconds(start + margin))


def _keeps_host(route: Route) -> bool:
    """Whether the host that is rewritten here would be put back in front of the program.

    That is what Knative's queue-proxy does for the sake of domain mappings; plain Services have
    nobody who would.
    """
    programs = all(isinstance(split.backend, RevisionKey) for split in route.splits)
    return programs and _names_original_host(route)


def _rewritten_host(route: Route, split: Split) -> str:
    """What a share makes of the host; a program's share of a route that names the original keeps
    it, whatever the others do.
    """
    is_program = isinstance(split.backend, RevisionKey)
    return "" if is_program and _names_original_host(route) else split.rewrite_host


def _names_original_host(route: Route) -> bool:
    return any(name.lower() == ORIGINAL_HOST_HEADER.lower() for name, _ in route.append_headers)


def _longest(values: list[float]) -> float:
    """The largest, or 0 (no limit) when any has none."""
    return 0.0 if not values or 0 in values else max(values)


def _route(route: Route, revisions: Revisions, options: RouteOptions) -> route_components_pb2.Route:
    action = _action(route, revisions, options)
    keeps_host = _keeps_host(route)
    headers = [
        set_header(name, value)
        for name, value in route.append_headers
        if not (keeps_host and name.lower() == ORIGINAL_HOST_HEADER.lower())
    ]
    if action.cluster:
        live = next((split for split in route.splits if split.percent > 0), route.splits[0])
        headers += _split_headers(live)
    return route_components_pb2.Route(
        name=FOUND,
        match=_no_probe(_match(route.path, route.headers, route.path_match)),
        route=action,
        request_headers_to_add=headers,
    )


def _redirect(options: RouteOptions) -> route_components_pb2.Route:
    """Plain HTTP goes to HTTPS; both listeners share this table, and Envoy says which it was."""
    redirect = route_components_pb2.RedirectAction(https_redirect=True)
    if options.https_port not in (None, 443):
        redirect.port_redirect = options.https_port
    return route_components_pb2.Route(
        name=FOUND, match=_no_probe(_match("/", [("x-forwarded-proto", "http")])), redirect=redirect
    )


def _upgrade_route(
    route: route_components_pb2.Route,
) -> route_components_pb2.Route | None:
    """The same route for WebSockets, if their life has a limit of its own.

    They never start a response in the sense of ``responseStartTimeoutSeconds``, which Knative
    therefore lets end them, whatever passes between the two ends.
    """
    start = route.route.retry_policy.per_try_timeout.ToTimedelta().total_seconds()
    if not start:
        return None
    other = route_components_pb2.Route()
    other.CopyFrom(route)
    websocket = string_pb2.StringMatcher(exact="websocket", ignore_case=True)
    other.match.headers.append(
        route_components_pb2.HeaderMatcher(name="upgrade", string_match=websocket)
    )
    limit = other.route.max_stream_duration.max_stream_duration
    longest = limit.ToTimedelta().total_seconds()
    shortest = min(start, longest or math.inf)
    limit.CopyFrom(seconds(shortest))
    return other


def _precedence(route: Route) -> tuple[bool, int, int]:
    exact = route.path_match is PathMatch.EXACT
    return not exact, -len(route.path), -len(route.headers)


def make_routes(
    table: RouteTable, rule: HostRule, revisions: Revisions, options: RouteOptions
) -> list[route_components_pb2.Route]:
    """The routes of one of the table's rules, most specific first, then answers to probes."""
    ordered = sorted(rule.routes, key=_precedence)
    routes = []
    if rule.redirect_to_https and options.https_port is not None:
        routes.append(_redirect(options))
    for route in ordered:
        if route.splits:
            made = _route(route, revisions, options)
            upgrade = _upgrade_route(made)
            routes += [made] if upgrade is None else [upgrade, made]
    return [*routes, _probe_route(table)]
