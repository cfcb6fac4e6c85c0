"""Who is told to end does so, whatever is called on the way."""

import asyncio
import threading
from contextlib import suppress

import pytest

from wakeful.aio import kept_cancellation, to_thread_and_back


async def clean_up(begun: asyncio.Event) -> None:
    """What libraries do when they are closed."""
    with suppress(asyncio.CancelledError):
        begun.set()
        await asyncio.sleep(3600)


async def test_a_cancellation_that_was_caught_is_kept() -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        while True:
            with suppress(ValueError), kept_cancellation():
                await clean_up(begun)
                raise ValueError("another thing")
            over.set()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not over.is_set()


async def test_everything_else_passes() -> None:
    with kept_cancellation():
        pass
    with pytest.raises(TimeoutError), kept_cancellation():
        async with asyncio.timeout(0):
            await asyncio.sleep(3600)
    with kept_cancellation(), suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(3600)
    with pytest.raises(ValueError, match="so"), kept_cancellation():
        raise ValueError("so")


async def test_a_cancellation_waits_for_the_thread() -> None:
    """What it works on is not given to another one meanwhile."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(60)
        done.set()

    task = asyncio.create_task(to_thread_and_back(work))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    await asyncio.wait([task], timeout=0.01)
    assert not task.done()

    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


async def test_what_a_thread_returns_or_raises_comes_back() -> None:
    assert await to_thread_and_back(int, "10", base=2) == 2
    with pytest.raises(ValueError, match="invalid literal"):
        await to_thread_and_back(int, "x")
