from datetime import UTC, datetime, timedelta

import pytest

from wakeful.apimachinery.conditions import (
    Condition,
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
)


class Watched:
    """A status with its manager, on a clock that moves a minute with every look."""

    def __init__(self, conditions: ConditionSet) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.status = ConditionedStatus()
        self.manager: ConditionManager = conditions.manage(self.status, self._tick)

    def _tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def shown(self) -> dict[str, tuple[str, str]]:
        return {c.type: (c.status, c.reason) for c in self.status.conditions}

    def get(self, kind: str) -> Condition:
        found = self.status.condition(kind)
        assert found is not None
        return found


def living() -> Watched:
    return Watched(ConditionSet.living("A", "B"))


def test_initialized_conditions_are_unknown_and_sorted() -> None:
    watched = living()
    watched.manager.initialize()
    assert list(watched.shown()) == ["A", "B", "Ready"]
    assert set(watched.shown().values()) == {("Unknown", "")}
    assert not watched.manager.is_happy


def test_happy_once_every_dependent_is_true() -> None:
    watched = living()
    watched.manager.initialize()
    watched.manager.mark_true("A")
    assert watched.get("Ready").is_unknown
    watched.manager.mark_true("B")
    assert watched.manager.is_happy


def test_a_dependent_nobody_spoke_of_keeps_happiness_unknown() -> None:
    watched = living()
    watched.manager.mark_true("A")
    assert watched.get("Ready").is_unknown


def test_false_takes_the_happy_condition_along_with_its_words() -> None:
    watched = living()
    watched.manager.mark_false("A", "Broke", "it broke")
    ready = watched.get("Ready")
    assert (ready.status, ready.reason, ready.message) == ("False", "Broke", "it broke")


def test_false_beats_unknown() -> None:
    watched = living()
    watched.manager.mark_false("A", "Broke", "it broke")
    watched.manager.mark_unknown("B", "Waiting", "wait")
    assert watched.shown()["Ready"] == ("False", "Broke")
    watched.manager.mark_true("A")
    assert watched.shown()["Ready"] == ("Unknown", "Waiting")


def test_unknown_reaches_the_happy_condition_only_from_dependents() -> None:
    watched = living()
    watched.manager.mark_true("A")
    watched.manager.mark_true("B")
    watched.manager.mark_unknown("Extra", "Hm", "no idea")
    assert watched.manager.is_happy
    watched.manager.mark_unknown("B", "Hm", "no idea")
    assert watched.shown()["Ready"] == ("Unknown", "Hm")


def test_unknown_beside_an_overlooked_failure_turns_happiness_false() -> None:
    """Upstream words the failure with the reason at hand, not with the failure's own."""
    watched = living()
    watched.status.conditions = [Condition(type="A", status="False", reason="Old")]
    watched.manager.mark_unknown("B", "New", "new words")
    ready = watched.get("Ready")
    assert (ready.status, ready.reason, ready.message) == ("False", "New", "new words")


def test_among_equals_the_most_recent_speaks() -> None:
    watched = Watched(ConditionSet.living("A", "B", "C"))
    watched.manager.mark_false("A", "First", "")
    watched.manager.mark_false("B", "Second", "")
    watched.manager.mark_true("C")
    assert watched.shown()["Ready"] == ("False", "Second")


def test_other_conditions_are_information_and_do_not_count() -> None:
    watched = living()
    watched.manager.mark_true("A")
    watched.manager.mark_true("B")
    watched.manager.mark_false("Extra", "Nope", "")
    assert watched.get("Extra").severity == "Info"
    assert watched.get("A").severity == ""
    assert watched.manager.is_happy
    watched.manager.clear("Extra")
    assert watched.status.condition("Extra") is None
    with pytest.raises(ValueError, match="decides readiness"):
        watched.manager.clear("A")


def test_time_moves_only_with_a_change() -> None:
    watched = living()
    watched.manager.mark_false("A", "Broke", "it broke")
    before = watched.get("A").last_transition_time
    watched.manager.mark_false("A", "Broke", "it broke")
    assert watched.get("A").last_transition_time == before
    watched.manager.mark_false("A", "Broke", "it broke more")
    assert watched.get("A").last_transition_time != before


def test_initializing_under_a_happy_condition_fills_in_true() -> None:
    """A dependent that is new in this release does not make ready objects unready."""
    watched = living()
    watched.status.conditions = [Condition(type="Ready", status="True")]
    watched.manager.initialize()
    assert watched.shown() == {"A": ("True", ""), "B": ("True", ""), "Ready": ("True", "")}


def test_a_set_without_dependents() -> None:
    watched = Watched(ConditionSet.batch())
    watched.manager.initialize()
    watched.manager.mark_true("Succeeded", "Done", "all done")
    assert watched.shown() == {"Succeeded": ("True", "Done")}
    watched.manager.mark_true("Extra")
    assert watched.manager.is_happy


def test_children_are_copied() -> None:
    watched = living()
    watched.manager.copy_from("A", None)
    assert watched.status.conditions == []
    watched.manager.copy_from("A", Condition(status="False", reason="R", message="m"))
    assert watched.shown()["A"] == ("False", "R")
    watched.manager.copy_from("A", Condition(status="Unknown", reason="U"))
    assert watched.shown()["A"] == ("Unknown", "U")
    watched.manager.copy_from("A", Condition(status="True", reason="T"))
    assert watched.get("A").is_true
