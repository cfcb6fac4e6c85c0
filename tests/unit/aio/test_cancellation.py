"""Who is told to end does so, whatever is called on the way."""

import asyncio
from contextlib import suppress

import pytest

from wakeful.aio import kept_cancellation


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
