"""Sleeps that are shorter than the loop's own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from wakeful.aio import SystemClock


async def test_short_sleep_takes_no_whole_millisecond() -> None:
    took = []
    for _ in range(50):
        begun = time.perf_counter()
        await SystemClock().sleep(0.0002)
        took.append(time.perf_counter() - begun)

    assert min(took) >= 0.0002
    assert min(took) < 0.001


async def test_sleep_that_is_cancelled_leaves_no_descriptor() -> None:
    before = _descriptors()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await SystemClock().sleep(0.009)

    assert _descriptors() == before


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
