"""The bus in memory."""

from __future__ import annotations

import pytest

from wakeful.eventbus import EventBus
from wakeful.eventbus.memory import MemoryBus, subject_matches
from wakeful.testing.suites.bus import EventBusSuite


class TestMemoryBus(EventBusSuite):
    @pytest.fixture
    def bus(self) -> EventBus:
        return MemoryBus()


@pytest.mark.parametrize(
    ("pattern", "subject", "matches"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.*.c", "a.b.d", False),
        ("a.b.c", "a.b", False),
    ],
)
def test_subjects_match_as_in_nats(pattern: str, subject: str, matches: bool) -> None:
    assert subject_matches(pattern, subject) is matches
