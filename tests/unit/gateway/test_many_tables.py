"""Plans that follow one another: only what changed is compiled, and the result is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wakeful.gateway.plan import (
    HostRule,
    IngressKey,
    Plan,
    RevisionBackend,
    RevisionKey,
    Route,
    RouteTable,
    Split,
    Visibility,
)
from wakeful.gateway.settings import GatewayPaths, GatewaySettings
from wakeful.gateway.translator.claims import HostClaims
from wakeful.gateway.translator.compiler import PlanCompiler
from wakeful.gateway.translator.routes import resolve_conflicts
from wakeful.gateway.xds.resources import Resource, ResourceStore, ResourceType

SETTINGS = GatewaySettings(paths=GatewayPaths(Path("/nowhere")))
REVISIONS = [RevisionKey("default", f"r{number}") for number in range(3)]


@st.composite
def tables(draw: st.DrawFn) -> dict[IngressKey, RouteTable]:
    """A few tables that may well want the same hosts, and spell them in either way."""
    made = {}
    for number in draw(st.lists(st.integers(0, 3), unique=True, max_size=4)):
        key = IngressKey("default", f"i{number}")
        rules = tuple(
            HostRule(
                tuple(draw(st.lists(st.sampled_from(["a.x", "A.x", "b.x", "c.x"]), max_size=2))),
                (Route((Split(draw(st.sampled_from(REVISIONS)), 100),)),),
                draw(st.sampled_from(list(Visibility))),
            )
            for _ in range(draw(st.integers(0, 2)))
        )
        made[key] = RouteTable.of(key, rules)
    return made


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    backends = (
        RevisionBackend(key, timeout_seconds=draw(st.sampled_from([30.0, 300.0])))
        for key in draw(st.lists(st.sampled_from(REVISIONS), unique=True))
    )
    return Plan(tables=draw(tables()), revisions={backend.key: backend for backend in backends})


@settings(max_examples=150, deadline=None)
@given(st.lists(tables(), max_size=4))
def test_disputes_are_settled_as_if_nothing_was_remembered(
    steps: list[dict[IngressKey, RouteTable]],
) -> None:
    claims = HostClaims()
    for step in steps:
        assert claims.resolve(step) == resolve_conflicts(step.values())


def compiled(*steps: Plan) -> dict[ResourceType, dict[str, Resource]]:
    compiler, store = PlanCompiler(SETTINGS), ResourceStore()
    for plan in steps:
        store.apply(compiler.compile(plan))
    return {
        kind: {name: found for name in store.names(kind) if (found := store.get(kind, name))}
        for kind in ResourceType
    }


def without_order(resources: dict[ResourceType, dict[str, Resource]]) -> dict[str, object]:
    """Virtual hosts stand in the order in which they came, which means nothing."""
    return {
        f"{kind} {name}": sorted(found.body.value)
        for kind, some in resources.items()
        for name, found in some.items()
    }


@settings(max_examples=100, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=4))
def test_step_by_step_is_as_all_at_once(steps: list[Plan]) -> None:
    assert without_order(compiled(*steps)) == without_order(compiled(steps[-1]))


def test_routes_follow_a_limit_that_changed() -> None:
    key = IngressKey("default", "i")
    table = RouteTable.of(key, (HostRule(("a.x",), (Route((Split(REVISIONS[0], 100),)),)),))
    before = RevisionBackend(REVISIONS[0], timeout_seconds=30)
    first = Plan(tables={key: table}, revisions={before.key: before})
    second = replace(first, revisions={before.key: replace(before, timeout_seconds=60)})

    routes = compiled(first)[ResourceType.ROUTES]
    changed = compiled(first, second)[ResourceType.ROUTES]

    assert routes["public"] != changed["public"]
    assert routes["internal"] == changed["internal"]
