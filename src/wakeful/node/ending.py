"""The grace period of a Pod that is being deleted: when it began, and when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from wakeful.aio import Clock, first_of
from wakeful.apis.core.pod_types import Pod


class GracePeriod:
    """Counts down from the moment the deletion is seen; a later, shorter one cuts it."""

    def __init__(self, clock: Clock) -> None:
        self.begun = asyncio.Event()
        self._clock = clock
        self._changed = asyncio.Event()
        self._seconds = 0.0
        self._since = 0.0

    def observe(self, pod: Pod) -> None:
        """Look at a version of the Pod; begins the period when it is being deleted."""
        metadata = pod.metadata
        if metadata.deletion_timestamp is None:
            return
        seconds = float(metadata.deletion_grace_period_seconds or 0)
        if not self.begun.is_set():
            # Seen late, part of it is over; the timestamp has no fractions of a second.
            left = (metadata.deletion_timestamp - self._clock.now()).total_seconds() + 1.0
            self._begin(min(seconds, max(0.0, left)))
        elif seconds < self._seconds:
            self._seconds = seconds
            self._changed.set()

    def cut(self) -> None:
        """End it now."""
        if not self.begun.is_set():
            self._begin(0.0)
        self._seconds = 0.0
        self._changed.set()

    def _begin(self, seconds: float) -> None:
        self._seconds, self._since = seconds, self._clock.monotonic()
        self.begun.set()

    def left(self, extra_seconds: float = 0.0) -> float:
        """Seconds until it is over."""
        over = self._since + self._seconds + (extra_seconds if self._seconds else 0.0)
        return max(0.0, over - self._clock.monotonic())

    async def within(self, work: Coroutine[Any, Any, None], *, extra_seconds: float = 0.0) -> bool:
        """Do ``work`` but no longer than the period lasts; return whether it came to its end.

        ``extra_seconds`` are granted on top, unless there is no grace at all.
        """
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and (left := self.left(extra_seconds)) > 0:
                self._changed.clear()
                await first_of(asyncio.wait([task]), self._changed.wait(), self._clock.sleep(left))
        finally:
            finished = task.done()
            task.cancel()
            await asyncio.wait([task])
        if finished:
            task.result()
        return finished
