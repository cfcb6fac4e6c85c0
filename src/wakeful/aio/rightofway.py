"""Right of way: work that somebody waits for passes work that can wait."""

from __future__ import annotations

import asyncio


class RightOfWay:
    """Holds back what can wait, for a moment, on one event loop.

    Waking an instance takes a handful of steps through one loop, each of which makes a dozen other
    controllers look at the same objects. Those come after it instead of in between. A claim lasts
    ``seconds``; the next one counts only after a pause of the same length, so that however many
    wakes there are, everything else has at least half of the time.
    """

    def __init__(self, seconds: float = 0.05) -> None:
        self._seconds = seconds
        self._free = asyncio.Event()
        self._free.set()
        self._next_claim = 0.0

    def claim(self) -> None:
        """Somebody waits from now on. Call it on the loop."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now < self._next_claim:
            return
        self._next_claim = now + 2 * self._seconds
        self._free.clear()
        loop.call_later(self._seconds, self._free.set)

    @property
    def is_claimed(self) -> bool:
        """Whether what can wait has to."""
        return not self._free.is_set()

    async def give_way(self) -> None:
        """Return once nobody has the right of way."""
        await self._free.wait()
