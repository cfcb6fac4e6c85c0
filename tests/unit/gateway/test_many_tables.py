"""Plans that follow one another: only what changed is compiled, and the result is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wakeful.gateway.plan import (
    BackendKey,
    Endpoint,
    HostRule,
    IngressKey,
    Plan,
    RevisionBackend,
    RevisionKey,
    Route,
    RouteTable,
    ServiceBackend,
    ServiceKey,
    Split,
    Touched,
    Visibility,
)
from wakeful.gateway.planner.draft import Draft, Watching
from wakeful.gateway.settings import GatewayPaths, GatewaySettings
from wakeful.gateway.translator.claims import HostClaims
from wakeful.gateway.translator.compiler import PlanCompiler
from wakeful.gateway.translator.routes import resolve_conflicts
from wakeful.gateway.xds.resources import Changes, Resource, ResourceStore, ResourceType

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
    return contents(store)


def contents(store: ResourceStore) -> dict[ResourceType, dict[str, Resource]]:
    return {
        kind: {name: found for name in store.names(kind) if (found := store.get(kind, name))}
        for kind in ResourceType
    }


@settings(max_examples=100, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=4))
def test_step_by_step_is_as_all_at_once(steps: list[Plan]) -> None:
    assert compiled(*steps) == compiled(steps[-1])


class Known:
    """Backends as a plan has them, for whoever draws up another."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.instances: dict[BackendKey, list[Endpoint]] = {}

    def revision_backend(self, key: RevisionKey) -> RevisionBackend | None:
        return self.plan.revisions.get(key)

    def service_backend(self, key: ServiceKey) -> ServiceBackend | None:
        return self.plan.services.get(key)

    def endpoints(self, key: BackendKey) -> list[Endpoint]:
        return self.instances.get(key, [])


@settings(max_examples=100, deadline=None)
@given(st.lists(plans(), min_size=1, max_size=4))
def test_to_look_only_at_what_was_touched_is_enough(steps: list[Plan]) -> None:
    known, compiler, store = Known(), PlanCompiler(SETTINGS), ResourceStore()
    draft = Draft(known)
    for step in steps:
        before, known.plan = known.plan, step
        for key in before.tables.keys() - step.tables.keys():
            draft.withdraw(key)
        for key, table in step.tables.items():
            if before.tables.get(key) != table:
                draft.put(key, table)
        draft.touch(
            key
            for key in before.revisions.keys() | step.revisions.keys()
            if before.revisions.get(key) != step.revisions.get(key)
        )
        plan, _ = draft.take({}, {}, (), Watching())
        store.apply(compiler.compile(plan))

    used = {key for table in steps[-1].tables.values() for key in table.backends()}
    revisions = {key: r for key, r in steps[-1].revisions.items() if key in used}
    assert contents(store) == compiled(replace(steps[-1], revisions=revisions))


def test_what_is_new_is_told_once() -> None:
    known = Known()
    draft, key = Draft(known), IngressKey("default", "i")
    table = RouteTable.of(key, (HostRule(("a.x",), (Route((Split(REVISIONS[0]),)),)),))
    known.plan = Plan(revisions={REVISIONS[0]: RevisionBackend(REVISIONS[0])})

    told = []
    for step in (lambda: draft.put(key, table), lambda: None, lambda: draft.withdraw(key)):
        step()
        plan, fresh = draft.take({}, {}, (), Watching())
        told.append((fresh, set(plan.revisions), plan.touched))

    whole = Touched(frozenset({key}), frozenset({REVISIONS[0]}))
    assert told == [
        ([REVISIONS[0]], {REVISIONS[0]}, whole),
        ([], {REVISIONS[0]}, Touched()),
        ([], set(), whole),
    ]


def test_a_revision_that_nothing_leads_to_stays_while_it_has_instances() -> None:
    known = Known()
    draft, key = Draft(known), IngressKey("default", "i")
    backend = RevisionBackend(REVISIONS[0])
    draft.put(key, RouteTable.of(key, (HostRule(("a.x",), (Route((Split(backend.key),)),)),)))
    known.plan = Plan(revisions={backend.key: backend})
    known.instances[backend.key] = [Endpoint("127.0.0.1", 1)]
    draft.take({}, {}, (), Watching())

    draft.withdraw(key)
    known.plan = Plan()  # deleted, too
    stays = dict(draft.take({}, {}, (), Watching())[0].revisions)
    lingering = set(draft.lingering)
    known.instances.clear()
    draft.touch([backend.key])
    goes = dict(draft.take({}, {}, (), Watching())[0].revisions)

    assert (stays, lingering) == ({backend.key: backend}, {backend.key})
    assert (goes, draft.lingering) == ({}, set())


def test_routes_follow_a_limit_that_changed() -> None:
    key = IngressKey("default", "i")
    table = RouteTable.of(key, (HostRule(("a.x",), (Route((Split(REVISIONS[0], 100),)),)),))
    before = RevisionBackend(REVISIONS[0], timeout_seconds=30)
    first = Plan(tables={key: table}, revisions={before.key: before})
    second = replace(first, revisions={before.key: replace(before, timeout_seconds=60)})

    routes = compiled(first)[ResourceType.SCOPE]
    changed = compiled(first, second)[ResourceType.SCOPE]

    assert routes.keys() == changed.keys() == {"public/a.x"}
    assert routes["public/a.x"] != changed["public/a.x"]


def many(count: int) -> Plan:
    """So many tables, each with a host on either side and a revision of its own."""
    backends = [RevisionBackend(RevisionKey("default", f"r{number}")) for number in range(count)]
    tables = [
        RouteTable.of(
            IngressKey("default", f"i{number}"),
            tuple(
                HostRule((f"i{number}.{side.name.lower()}",), (Route((Split(backend.key),)),), side)
                for side in Visibility
            ),
        )
        for number, backend in enumerate(backends)
    ]
    return Plan({t.key: t for t in tables}, {backend.key: backend for backend in backends})


def size(changes: Changes) -> int:
    """Bytes that Envoy is sent."""
    return sum(len(r.body.value) for some in changes.put.values() for r in some.values())


def test_what_one_change_sends_does_not_depend_on_how_many_there_are() -> None:
    sizes = []
    for count in (1, 300):
        compiler, whole = PlanCompiler(SETTINGS), many(count)
        compiler.compile(whole)
        moved = RouteTable.of(
            IngressKey("default", "i0"),
            (HostRule(("i0.new",), (Route((Split(REVISIONS[0]),)),)),),
        )
        changes = compiler.compile(replace(whole, tables={**whole.tables, moved.key: moved}))
        assert changes.remove[ResourceType.SCOPE] == {
            "public/i0.external_ip",
            "internal/i0.cluster_local",
        }
        sizes.append(size(changes))

    assert 0 < sizes[0] == sizes[1]
