"""Trying again, in time that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from wakeful.aio import Backoff, ManualClock, retry


def delays(base: float = 1.0, cap: float = 8.0) -> Backoff:
    return Backoff(base=base, cap=cap, jitter=0)


class Work:
    """Fails so many times, then returns; knows when it was tried."""

    def __init__(self, clock: ManualClock, failures: int) -> None:
        self.clock, self.failures = clock, failures
        self.tried: list[float] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    async def __call__(self) -> str:
        self.tried.append(self.clock.monotonic())
        if self.before is not None:
            await self.before()
        if len(self.tried) <= self.failures:
            raise OSError(f"failure {len(self.tried)}")
        return "done"


@asynccontextmanager
async def running(work: Awaitable[str]) -> AsyncIterator[asyncio.Future[str]]:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.sleep(0)
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_waits_longer_after_each_failure_and_tells() -> None:
    clock = ManualClock()
    work, told = Work(clock, failures=4), list[tuple[str, float]]()

    trying = retry(
        work, OSError, backoff=delays(), tell=lambda e, s: told.append((str(e), s)), clock=clock
    )
    async with running(trying) as task:
        await clock.advance(100)
        assert await task == "done"

    assert work.tried == [0, 1, 3, 7, 15]
    assert told == [("failure 1", 1), ("failure 2", 2), ("failure 3", 4), ("failure 4", 8)]


async def test_what_is_not_expected_is_raised() -> None:
    with pytest.raises(OSError, match="failure 1"):
        await retry(Work(ManualClock(), 1), (ValueError, KeyError), backoff=delays())


async def test_gives_up_after_so_many_attempts() -> None:
    clock = ManualClock()
    work = Work(clock, failures=9)

    async with running(retry(work, OSError, backoff=delays(), clock=clock, attempts=3)) as task:
        await clock.advance(100)
        with pytest.raises(OSError, match="failure 3"):
            await task


async def test_a_long_attempt_is_forgiven() -> None:
    clock = ManualClock()
    work = Work(clock, failures=4)

    async def last() -> None:
        if len(work.tried) == 3:
            await clock.sleep(61)

    work.before = last
    async with running(
        retry(work, OSError, backoff=delays(), clock=clock, steady_seconds=60)
    ) as task:
        for _ in range(100):
            await clock.advance(1)
        assert await task == "done"
    assert work.tried == [0, 1, 3, 3 + 61 + 1, 3 + 61 + 1 + 2]


async def test_work_that_gets_on_begins_anew() -> None:
    clock, backoff = ManualClock(), delays()
    work = Work(clock, failures=4)

    async def reset() -> None:
        backoff.reset()

    work.before = reset
    async with running(retry(work, OSError, backoff=backoff, clock=clock)) as task:
        await clock.advance(100)
        assert await task == "done"
    assert work.tried == [0, 1, 2, 3, 4]


async def test_hurry_ends_the_wait() -> None:
    clock, hurry = ManualClock(), asyncio.Event()
    work = Work(clock, failures=1)

    async with running(retry(work, OSError, backoff=delays(), clock=clock, hurry=hurry)) as task:
        await clock.advance(0.5)
        assert not task.done()
        hurry.set()
        assert await task == "done"
    assert work.tried == [0, 0.5]


async def test_cancelled_in_the_attempt_and_in_the_wait() -> None:
    clock = ManualClock()
    for failures in (0, 1):
        work = Work(clock, failures)
        if not failures:
            work.before = asyncio.Event().wait  # type: ignore[assignment]
        async with running(retry(work, OSError, backoff=delays(), clock=clock)) as task:
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await clock.advance(10)
        assert len(work.tried) == 1
