"""How a revision rests at zero by way of a zygote."""

from __future__ import annotations

import pytest

from wakeful.autoscaler.explain import explain_rest
from wakeful.autoscaler.rest import RestPlan
from wakeful.autoscaler.zygote import (
    NOT_SEEN,
    RESTARTS,
    UNREACHABLE,
    Instance,
    Nursery,
    plan_zygote,
)

NOW = 1000.0
USED = Instance(ready=True, known="212 modules")
WAITS = Instance(ready=False, parked_since=990.0, known="212 modules imported")


def gone(note: str = "") -> RestPlan:
    return RestPlan(0, way="zygote", note=note)


def kept(**others: object) -> RestPlan:
    return RestPlan(1, way="zygote", **others)


@pytest.mark.parametrize(
    ("nursery", "plan"),
    [
        (Nursery(0, []), gone()),
        (Nursery(3, [USED] * 3), kept()),
        (Nursery(1, [USED, WAITS]), kept()),
        (Nursery(1, [USED]), kept(replace=True)),
        (Nursery(1, [USED], reachable=False), gone(UNREACHABLE)),
        (Nursery(1, [], expected=True), kept()),
        (Nursery(1, []), gone()),
        (Nursery(1, [WAITS], expected=True), kept(wait_seconds=50.0, note="212 modules imported")),
        (Nursery(1, [Instance(ready=False, parked_since=990.0)]), kept(wait_seconds=50.0)),
        (Nursery(1, [Instance(ready=False, parked_since=940.0, known="x")]), gone()),
        # What is doubtful ends at zero.
        (Nursery(1, [Instance(ready=True)]), gone(NOT_SEEN)),
        (Nursery(1, [Instance(ready=False)]), gone(NOT_SEEN)),
        (Nursery(1, [Instance(ready=True, unfit="no Python")]), gone("no Python")),
        (Nursery(1, [Instance(ready=False, parked_since=1.0, unfit="odd")]), gone("odd")),
        (Nursery(1, [Instance(ready=False, parked_since=990.0, restarts=3)]), gone(RESTARTS)),
        # It should wait and does not: its program was begun, perhaps to see what it imports.
        (Nursery(1, [Instance(ready=True, parked_since=990.0, known="9")]), kept(replace=True)),
    ],
)
def test_a_new_instance_waits_where_a_used_one_was(nursery: Nursery, plan: RestPlan) -> None:
    assert plan_zygote(60.0, nursery, NOW) == plan


def test_no_limit_is_for_ever() -> None:
    nursery = Nursery(1, [Instance(ready=False, parked_since=0.0, known="9")])
    assert plan_zygote(0.0, nursery, NOW) == kept(note="9")


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (gone(), []),
        (gone("no Python"), ["at-zero is zygote, but there is none: no Python"]),
        (kept(), ["at-zero is zygote: a new instance is being made that will wait"]),
        (kept(note="9 modules"), ["at-zero is zygote: a new instance waits, 9 modules"]),
        (
            kept(note="9 modules", wait_seconds=50.2),
            ["at-zero is zygote: a new instance waits, 9 modules, gone in 50 s"],
        ),
    ],
)
def test_it_is_explained(plan: RestPlan, words: list[str]) -> None:
    assert explain_rest(plan) == words
