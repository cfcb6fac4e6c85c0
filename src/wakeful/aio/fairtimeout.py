"""A time limit for others, which does not count what we are late ourselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LOOKS = 4
"""Parts of the limit, each counted from when our loop has come to the end of the one before."""
_LATE_SECONDS = 0.01


@asynccontextmanager
async def fair_timeout(seconds: float) -> AsyncIterator[None]:
    """As ``asyncio.timeout``, for how long somebody else takes to answer.

    On a machine that has too much to do, an answer may lie there while our own loop does not come
    to read it. So what a timer of ours is late does not count, and time is not up at one that is
    late, before which nobody could look; but that only so often.

    Raises:
        TimeoutError: It was not done in time, although we kept up.
    """
    async with asyncio.timeout(None) as limit:
        looks = _Looks(limit, seconds / _LOOKS)
        try:
            yield
        finally:
            looks.end()


class _Looks:
    """Moves the limit to now, once time is up."""

    def __init__(self, limit: asyncio.Timeout, step: float) -> None:
        self._limit, self._step, self._left = limit, step, _LOOKS
        self._loop = asyncio.get_running_loop()
        self._arm()

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _arm(self) -> None:
        due = self._loop.time() + self._step
        self._timer = self._loop.call_at(due, self._look, due)

    def _look(self, due: float) -> None:
        now = self._loop.time()
        self._left -= 1
        is_late = now - due > _LATE_SECONDS
        if self._left <= 0 and (not is_late or self._left <= -_LOOKS):
            self._limit.reschedule(now)
        else:
            self._arm()
