"""Work that nobody waits for: little of it at a time, and none while there is something better."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from wakeful.aio.rightofway import RightOfWay

Wake = Callable[[], None]


class Piece:
    """A piece of work in progress. It holds others back until it ends, or has taken ``seconds``."""

    def __init__(self, on_end: Callable[[], None], seconds: float) -> None:
        self._on_end: Callable[[], None] | None = on_end
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        """It is done; idempotent."""
        self._timer.cancel()
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()


class Housekeeping:
    """Shares one event loop between work that can wait and everything else.

    After a start every object there is gets looked at once more, by a dozen controllers. Each look
    takes a millisecond or two; with all of their workers at it, a turn of the loop takes a tenth of
    a second, and whoever needs ten turns waits for a second. So at most ``at_once`` pieces are in
    progress; while it is held, or somebody has the right of way, none begins. Who asks first goes
    first, provided that whoever ends a piece lets others in before the next. A piece that waits for
    something else after ``seconds`` no longer keeps others waiting.
    """

    def __init__(
        self, at_once: int = 1, *, seconds: float = 0.05, right_of_way: RightOfWay | None = None
    ) -> None:
        self._at_once, self._seconds = at_once, seconds
        self._right_of_way = right_of_way or RightOfWay()
        self._right_of_way.on_free(self._call_next)
        self._held = False
        self._running = 0
        self._waiting: dict[Wake, None] = {}

    def hold(self) -> None:
        """Let nothing begin until :meth:`release`; what has begun goes on."""
        self._held = True

    def release(self) -> None:
        """Let work begin."""
        self._held = False
        self._call_next()

    def ask(self, wake: Wake) -> None:
        """Be called once, when it is worth a try to begin."""
        self._waiting[wake] = None
        self._call_next()

    def begin(self, wake: Wake) -> Piece | None:
        """Begin a piece of work; or get None, and be called when it is worth another try."""
        if not self._is_free:
            self._waiting[wake] = None
            return None
        self._waiting.pop(wake, None)
        self._running += 1
        return Piece(self._on_end, self._seconds)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Do one piece of work inside the context.

        Cancellation: safe while it waits; nobody else is kept from work.
        """
        called = asyncio.Event()
        while (piece := self.begin(called.set)) is None:
            try:
                await called.wait()
            except BaseException:
                self._waiting.pop(called.set, None)
                if called.is_set():
                    self._call_next()
                raise
            called.clear()
        try:
            yield
        finally:
            piece.end()

    @property
    def _is_free(self) -> bool:
        busy = self._held or self._right_of_way.is_claimed
        return not busy and self._running < self._at_once

    def _on_end(self) -> None:
        self._running -= 1
        self._call_next()

    def _call_next(self) -> None:
        if not self._is_free:
            return
        for wake in list(self._waiting)[: self._at_once - self._running]:
            del self._waiting[wake]
            wake()
