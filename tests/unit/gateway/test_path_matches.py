"""How paths are compared and rewritten."""

from __future__ import annotations

import pytest

from wakeful.gateway.plan import PathMatch, RevisionKey, Route, Split
from wakeful.gateway.translator.routes import RouteOptions, _route

HELLO = RevisionKey("default", "hello-00001")


@pytest.mark.parametrize(
    ("path", "how", "field", "value"),
    [
        ("/login", PathMatch.CHARACTERS, "prefix", "/login"),
        ("/login", PathMatch.SEGMENTS, "path_separated_prefix", "/login"),
        ("/login/", PathMatch.SEGMENTS, "path_separated_prefix", "/login"),
        ("/", PathMatch.SEGMENTS, "prefix", "/"),
        ("/login", PathMatch.EXACT, "path", "/login"),
    ],
)
def test_matches(path: str, how: PathMatch, field: str, value: str) -> None:
    match = _route(Route((Split(HELLO),), path, how), {}, RouteOptions()).match
    assert match.WhichOneof("path_specifier") == field
    assert getattr(match, field) == value


@pytest.mark.parametrize(
    ("path", "how", "rewrite", "prefix", "regex"),
    [
        ("/a.b", PathMatch.SEGMENTS, "/", "", r"^/a\.b/*"),
        ("/a", PathMatch.SEGMENTS, "/b/", "/b", ""),
        ("/", PathMatch.SEGMENTS, "/b", "/b/", ""),
        ("/a", PathMatch.EXACT, "/", "/", ""),
        ("/a", PathMatch.SEGMENTS, "", "", ""),
    ],
)
def test_rewrites(path: str, how: PathMatch, rewrite: str, prefix: str, regex: str) -> None:
    route = Route((Split(HELLO),), path, how, rewrite)
    action = _route(route, {}, RouteOptions()).route
    assert action.prefix_rewrite == prefix
    assert action.regex_rewrite.pattern.regex == regex


def test_each_share_goes_under_its_own_host() -> None:
    shares = (Split(HELLO, 90, "a.default"), Split(RevisionKey("default", "b-1"), 10, "b.default"))
    action = _route(Route(shares), {}, RouteOptions()).route
    clusters = action.weighted_clusters.clusters
    assert [(c.weight.value, c.host_rewrite_literal) for c in clusters] == [
        (90, "a.default"),
        (10, "b.default"),
    ]
