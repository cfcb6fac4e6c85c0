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
        self._before = 0.0
        self.waits: list[float] = []
        """For how many of its seconds somebody slept or sleeps, in the order of asking."""

    def now(self) -> datetime:
        """Start time plus everything that seems to have passed."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds that seem to have passed."""
        return self._before + (time.monotonic() - self._zero) * self._factor

    def run_at(self, factor: float) -> None:
        """Run at another speed from now on; who sleeps already does so as begun."""
        self._before, self._zero = self.monotonic(), time.monotonic()
        self._factor = factor

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of this clock."""
        self.waits.append(seconds)
        await asyncio.sleep(seconds / self._factor)
