"""Clocks for tests that live through minutes in milliseconds."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class SpeedClock:
    """A clock that runs ``factor`` times as fast as the machine's.

    For tests of many tasks that wait for each other in real time as well; where one decider waits
    for time alone, ``ManualClock`` is the better choice.
    """

    def __init__(
        self, factor: float = 100.0, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ) -> None:
        self._factor, self._start, self._zero = factor, start, time.monotonic()

    def now(self) -> datetime:
        """Start time plus everything that seems to have passed."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds that seem to have passed."""
        return (time.monotonic() - self._zero) * self._factor

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of this clock."""
        await asyncio.sleep(seconds / self._factor)
