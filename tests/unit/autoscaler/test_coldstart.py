from __future__ import annotations

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.autoscaler.coldstart import (
    KEPT,
    ColdStarts,
    Mark,
    explain_cold_starts,
    server_timing,
)

KEY = NamespacedName("default", "hello-00001")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def starts(clock: ManualClock) -> ColdStarts:
    return ColdStarts(clock)


async def take(starts: ColdStarts, clock: ManualClock, *steps: tuple[Mark, float, str]) -> None:
    for mark, after, instance in steps:
        await clock.advance(after)
        starts.note(KEY, mark, instance)


async def one(starts: ColdStarts, clock: ManualClock) -> None:
    starts.held(KEY)
    await take(
        starts,
        clock,
        (Mark.SCALED, 0.003, ""),
        (Mark.RUNNING, 0.012, "a"),
        (Mark.ANSWERING, 0.040, "a"),
        (Mark.READY, 0.001, "a"),
        (Mark.PROGRAMMED, 0.004, "a"),
    )


async def test_phases_are_the_times_between_marks(starts: ColdStarts, clock: ManualClock) -> None:
    await one(starts, clock)

    (ended,) = starts.recent(KEY)

    assert ended.to_wire()["phases"] == {
        "decision": 3.0,
        "spawn": 12.0,
        "boot": 40.0,
        "ready": 1.0,
        "programmed": 4.0,
    }
    assert ended.to_wire()["milliseconds"] == 60.0
    assert explain_cold_starts((ended,))[0].endswith(
        ": 60 ms = decision 3 + spawn 12 + boot 40 + ready 1 + programmed 4"
    )


async def test_the_first_ready_instance_ends_it(starts: ColdStarts, clock: ManualClock) -> None:
    starts.held(KEY)
    await take(
        starts,
        clock,
        (Mark.SCALED, 0.001, ""),
        (Mark.RUNNING, 0.010, "slow"),
        (Mark.RUNNING, 0.010, "quick"),
        (Mark.READY, 0.010, "quick"),
        (Mark.ANSWERING, 0.010, "slow"),
        (Mark.READY, 0.010, "slow"),
        (Mark.PROGRAMMED, 0.010, "quick"),
        (Mark.PROGRAMMED, 0.010, "slow"),
    )

    (ended,) = starts.recent(KEY)

    assert ended.to_wire()["phases"] == {
        "decision": 1.0,
        "spawn": 20.0,
        "ready": 10.0,
        "programmed": 30.0,
    }


async def test_the_last_container_to_run_counts(starts: ColdStarts, clock: ManualClock) -> None:
    starts.held(KEY)
    await take(
        starts,
        clock,
        (Mark.RUNNING, 0.010, "a"),
        (Mark.RUNNING, 0.005, "a"),
        (Mark.READY, 0.001, "a"),
        (Mark.PROGRAMMED, 0.0, "a"),
    )

    assert starts.recent(KEY)[0].to_wire()["phases"]["spawn"] == 15.0


async def test_a_request_that_goes_on_learns_its_phases_so_far(
    starts: ColdStarts, clock: ManualClock
) -> None:
    starts.held(KEY)
    await take(starts, clock, (Mark.THAWED, 0.002, "a"))
    assert starts.ready(KEY) is None
    await take(starts, clock, (Mark.READY, 0.003, "a"))
    await clock.advance(0.0015)

    ready = starts.ready(KEY)

    assert ready is not None
    assert server_timing(ready, clock.monotonic()) == "thaw;dur=2, ready;dur=3, programmed;dur=1.5"


async def test_nothing_is_noted_while_nobody_waits(starts: ColdStarts, clock: ManualClock) -> None:
    await take(starts, clock, (Mark.RUNNING, 0.01, "a"), (Mark.READY, 0.01, "a"))

    assert starts.ready(KEY) is None
    assert starts.recent(KEY) == ()
    assert explain_cold_starts(()) == []


async def test_a_start_that_came_to_nothing_is_forgotten(
    starts: ColdStarts, clock: ManualClock
) -> None:
    starts.held(KEY)
    await take(starts, clock, (Mark.SCALED, 0.001, ""), (Mark.RUNNING, 5.0, "broken"))

    await one(starts, clock)

    assert [start.seconds for start in starts.recent(KEY)] == [pytest.approx(0.060)]


async def test_only_the_last_ones_are_kept_and_all_are_counted(
    starts: ColdStarts, clock: ManualClock
) -> None:
    for _ in range(KEPT + 2):
        await one(starts, clock)

    totals = starts.totals(KEY)
    assert totals is not None
    assert (totals.count, totals.buckets[3], sum(totals.buckets)) == (KEPT + 2,) * 3
    assert totals.phases[Mark.RUNNING] == (KEPT + 2, pytest.approx(0.012 * (KEPT + 2)))
    assert len(starts.recent(KEY)) == KEPT
    assert explain_cold_starts(starts.recent(KEY))[1] == (
        f"the last {KEPT} took 60 to 60 ms, half of them at most 60 ms"
    )
    starts.forget(KEY)
    assert starts.recent(KEY) == ()
    assert starts.totals(KEY) is None
