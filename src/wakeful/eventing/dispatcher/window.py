"""How many events of one consumer are on their way at a time: more while all goes well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

FIRST, MOST = 32, 256


@dataclass(slots=True)
class Window:
    """Grows by one with each success, halves with failures: a dead subscriber holds little.

    What is not in the window stays in the stream: that is the back-pressure.
    """

    most: int = MOST
    size: int = FIRST
    in_flight: int = 0
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0

    def __post_init__(self) -> None:
        self.size = min(self.size, self.most)

    async def wait(self) -> int:
        """Return how many may start; waits until it is at least one."""
        while (free := self.size - self.in_flight) <= 0:
            self._room.clear()
            await self._room.wait()
        return free

    def enter(self) -> None:
        """One has started."""
        self.in_flight += 1

    def leave(self, *, succeeded: bool) -> None:
        """One has ended."""
        self.in_flight -= 1
        if succeeded:
            self._failures = 0
            if self.size < self.most:
                self.size += 1
        else:
            self._failures += 1
            if self._failures >= self.size // 2:  # once for what was in flight together
                self._failures = 0
                self.size = max(1, self.size // 2)
        self._room.set()
