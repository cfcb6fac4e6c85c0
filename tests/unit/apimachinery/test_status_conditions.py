"""Conditions of Kubernetes' own kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.core.pod_types import PodCondition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def a_condition(kind: str, status: str, at: datetime, message: str = "") -> PodCondition:
    return PodCondition(type=kind, status=status, last_transition_time=at, message=message)


def test_another_status_is_a_transition() -> None:
    have = [a_condition("A", "False", NOW), a_condition("B", "True", NOW)]

    told = set_status_condition(have, a_condition("A", "True", LATER))

    assert told == [a_condition("A", "True", LATER), have[1]]


def test_the_same_status_with_other_words_is_none() -> None:
    have = [a_condition("A", "False", NOW, "before")]

    told = set_status_condition(have, a_condition("A", "False", LATER, "after"))

    assert told == [a_condition("A", "False", NOW, "after")]


def test_what_was_not_said_before_comes_last() -> None:
    have = [a_condition("A", "True", NOW)]

    told = set_status_condition(have, a_condition("B", "True", LATER))

    assert [c.type for c in told] == ["A", "B"]
