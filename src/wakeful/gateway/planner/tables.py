"""From an Ingress to its route table. Pure: who is behind a Service is asked through a resolver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from wakeful.apis.networking import (
    HTTPIngressPath,
    HTTPOption,
    Ingress,
    IngressBackendSplit,
    IngressRule,
)
from wakeful.gateway.plan import (
    BackendKey,
    HostRule,
    IngressKey,
    PathMatch,
    Route,
    RouteTable,
    Split,
    Visibility,
)
from wakeful.gateway.planner.probehash import probe_hash

_WHOLE = 100
_PATH_MATCHES = {"Exact": PathMatch.EXACT, "Prefix": PathMatch.SEGMENTS}


class Resolver(Protocol):
    """Knows what a Service of the cluster stands for."""

    def backend(self, namespace: str, split: IngressBackendSplit) -> BackendKey | None:
        """The revision or plain Service that serves, or None while nobody knows the name."""
        ...

    def routes_of_host(self, host: str) -> tuple[Route, ...]:
        """The routes of a cluster-local host; empty when no Ingress has it."""
        ...


def compile_table(ingress: Ingress, resolver: Resolver) -> RouteTable:
    """Return everything the Ingress asks for that can be served."""
    tls_hosts = {host for tls in ingress.spec.tls for host in tls.hosts}
    namespace = ingress.metadata.namespace
    redirected = ingress.spec.http_option == HTTPOption.REDIRECTED
    rules = [
        _rule(rule, namespace, resolver, redirect=redirected and bool(tls_hosts & set(rule.hosts)))
        for rule in ingress.spec.rules
    ]
    key = IngressKey(ingress.metadata.namespace, ingress.metadata.name)
    kept = tuple(rule for rule in rules if rule.hosts)
    return RouteTable.of(key, kept, probe_hash(ingress), ingress.metadata.creation_timestamp)


def _rule(rule: IngressRule, namespace: str, resolver: Resolver, *, redirect: bool) -> HostRule:
    visibility = Visibility(rule.visibility or Visibility.EXTERNAL_IP)
    paths = rule.http.paths if rule.http is not None else []
    routes = tuple(_route(path, namespace, resolver) for path in paths)
    external = visibility is Visibility.EXTERNAL_IP
    return HostRule(tuple(rule.hosts), routes, visibility, redirect and external)


def _route(path: HTTPIngressPath, namespace: str, resolver: Resolver) -> Route:
    headers = tuple(sorted((name, match.exact) for name, match in path.headers.items()))
    appended = _pairs(path.append_headers)
    splits = tuple(
        share
        for split in path.splits
        if split.percent or len(path.splits) == 1
        for share in _shares(split, namespace, resolver)
    )
    if path.rewrite_host:
        # A name for another host of this gateway: go where that host goes, without a second pass.
        target = resolver.routes_of_host(path.rewrite_host)
        plain = next((route for route in target if not route.headers), None)
        if plain is not None:
            splits = plain.splits
            appended = _merge(plain.append_headers, appended)
    return Route(
        splits,
        path.path or "/",
        _PATH_MATCHES.get(path.path_type, PathMatch.CHARACTERS),
        path.rewrite_path,
        headers,
        path.rewrite_host,
        appended,
    )


def _shares(split: IngressBackendSplit, namespace: str, resolver: Resolver) -> Iterator[Split]:
    """One share, or those of the host that it is another name for."""
    percent, appended = split.percent or _WHOLE, _pairs(split.append_headers)
    routes = resolver.routes_of_host(split.rewrite_host) if split.rewrite_host else ()
    plain = next((route for route in routes if not route.headers), None)
    if plain is not None:
        for one in plain.splits:
            headers = _merge(_merge(plain.append_headers, one.append_headers), appended)
            yield Split(one.backend, percent * one.percent, split.rewrite_host, headers)
    elif (backend := resolver.backend(namespace, split)) is not None:
        weight = percent * _WHOLE if split.rewrite_host else percent
        yield Split(backend, weight, split.rewrite_host, appended)


def _pairs(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(headers.items()))


def _merge(
    first: tuple[tuple[str, str], ...], second: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((dict(first) | dict(second)).items()))
