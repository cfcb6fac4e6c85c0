"""Right of way: work that somebody waits for passes work that can wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class RightOfWay:
    """Holds back what can wait, for a moment, on one event loop.

    Waking an instance takes a handful of steps through one loop, each of which makes a dozen other
    controllers look at the same objects. Those come after it instead of in between. A claim lasts
    until it is released, at most ``seconds``; the next one counts only after a pause as long as
    the claim was, so that however many wakes there are, everything else has half of the time.
    """

    def __init__(self, seconds: float = 0.15) -> None:
        self._seconds = seconds
        self._free = asyncio.Event()
        self._free.set()
        self._claimed_at = 0.0
        self._next_claim = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._on_free: list[Callable[[], None]] = []
        self.claims = 0
        """How often somebody had to be waited for so far."""

    def claim(self) -> None:
        """Somebody waits from now on. Call it on the loop."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self.is_claimed or now < self._next_claim:
            return
        self._claimed_at = now
        self.claims += 1
        self._free.clear()
        self._timer = loop.call_later(self._seconds, self._end)

    def release(self, *, after_seconds: float = 0.0) -> None:
        """What was waited for has come; nothing happens when nobody has claimed."""
        if self._timer is None:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + after_seconds
        if due < self._timer.when():
            self._timer.cancel()
            self._timer = loop.call_at(due, self._end)

    def _end(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next_claim = now + (now - self._claimed_at)
        self._timer = None
        self._free.set()
        for listener in self._on_free:
            listener()

    def on_free(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` each time that what can wait may go on."""
        self._on_free.append(listener)

    @property
    def is_claimed(self) -> bool:
        """Whether what can wait has to."""
        return not self._free.is_set()

    async def give_way(self) -> None:
        """Return once nobody has the right of way."""
        await self._free.wait()
