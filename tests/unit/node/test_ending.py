"""How long a Pod that is being deleted may take."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from wakeful.aio import ManualClock
from wakeful.apis.core import Pod
from wakeful.node.ending import GracePeriod


def deleted(clock: ManualClock, grace: int, *, ago: float = 0) -> Pod:
    pod = Pod.from_wire({"metadata": {"name": "p", "namespace": "default"}})
    ends = clock.now() + timedelta(seconds=grace - ago)
    pod.metadata.deletion_timestamp = ends
    pod.metadata.deletion_grace_period_seconds = grace
    return pod


async def test_work_within_the_period_is_finished() -> None:
    clock = ManualClock()
    grace = GracePeriod(clock)
    assert not grace.begun.is_set()
    grace.observe(deleted(clock, 30))
    done = asyncio.Event()

    waiting = asyncio.create_task(grace.within(_wait(done)))
    await clock.advance(29)
    assert not waiting.done()
    done.set()

    assert await waiting is True


async def test_work_is_cut_when_the_period_is_over_or_shortened() -> None:
    clock = ManualClock()
    grace = GracePeriod(clock)
    grace.observe(deleted(clock, 100))
    waiting = asyncio.create_task(grace.within(_wait(asyncio.Event())))
    await clock.advance(20)
    grace.observe(deleted(clock, 200))
    assert grace.left() == 80, "a longer period does not replace a shorter one"

    grace.observe(deleted(clock, 10))

    assert await waiting is False
    assert grace.left() == 0


async def test_extra_time_is_not_granted_without_grace() -> None:
    clock = ManualClock()
    grace = GracePeriod(clock)
    grace.observe(deleted(clock, 10))
    assert grace.left(5) == 15
    grace.cut()
    assert grace.left(5) == 0
    assert await grace.within(_wait(asyncio.Event()), extra_seconds=5) is False


async def test_deletion_seen_late_has_less_time_left() -> None:
    clock = ManualClock()
    grace = GracePeriod(clock)
    grace.observe(deleted(clock, 30, ago=20))

    assert grace.left() == 11, "the timestamp may be up to a second early"


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
