"""A queue of keys that never holds one twice and never hands one to two workers at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from wakeful.aio import Backoff, Housekeeping, Piece

K = TypeVar("K", bound=Hashable)

_SHARE = 8
_UNLIMITED = 1_000_000


class WorkQueue(Generic[K]):
    """De-duplicating queue with delays, per-key back-off and a second row.

    In the second row are keys of which nobody says that they changed: after a start that is every
    object there is, and who asks for something new must not stand behind them all. They move up
    when something happens to them, and get one turn in ``_SHARE`` while others are before them.
    How many of them are processed at a time, and from when on, is for ``housekeeping`` to say.

    A key added while it is being processed is handed out again after :meth:`done`. Retries of a
    failing key wait exponentially longer, from ``base`` to ``cap`` seconds, until :meth:`forget`.

    Each key wakes one worker that waits, none while ``held``: :meth:`wake` makes up for that.
    """

    def __init__(
        self,
        *,
        base: float = 0.005,
        cap: float = 60.0,
        held: Callable[[], bool] = lambda: False,
        housekeeping: Housekeeping | None = None,
    ) -> None:
        self._base, self._cap = base, cap
        self._ready: deque[K] = deque()
        self._second: dict[K, None] = {}
        self._turns = 0
        self._dirty: set[K] = set()
        self._processing: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._backoff: dict[K, Backoff] = {}
        self._held = held
        self.housekeeping = housekeeping or Housekeeping(_UNLIMITED)
        """Shared by whoever is not to process too much of this at a time."""
        self._pieces: dict[K, Piece] = {}
        """Keys from the second row that are being processed."""
        self._idle: deque[asyncio.Future[None]] = deque()
        """Workers that wait for a key."""

    def add(self, key: K, *, hurry: bool = True) -> None:
        """Have ``key`` processed soon; without ``hurry`` from the second row."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        if key in self._dirty:
            if hurry and key in self._second:
                del self._second[key]
                self._ready.append(key)
                self._wake_one()  # whoever was woken for it found that it may not begin
            return
        self._dirty.add(key)
        if key not in self._processing:
            if hurry:
                self._ready.append(key)
            else:
                self._second[key] = None
            self._wake_one()

    def add_after(self, key: K, seconds: float) -> None:
        """Have ``key`` processed after a delay; the earliest of several wishes wins."""
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._fire, key)

    def add_rate_limited(self, key: K) -> float:
        """Have a failed ``key`` retried; return the delay in seconds."""
        delay = self._backoff.setdefault(key, Backoff(self._base, self._cap)).next()
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key went well: its next failure starts with the shortest delay."""
        self._backoff.pop(key, None)

    def failures(self, key: K) -> int:
        """Failures in a row of ``key``."""
        backoff = self._backoff.get(key)
        return backoff.failures if backoff else 0

    async def get(self) -> K:
        """Take the next key; :meth:`done` must follow.

        Cancellation: safe, no key is lost.
        """
        while (key := self._next()) is None:
            await self._wait()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def _next(self) -> K | None:
        """The key whose turn it is; None when there is none, or none that may begin."""
        turn = self._turns + 1
        if not self._ready or (self._second and turn % _SHARE == 0):
            key = self._next_of_second()
            if key is not None or not self._ready:
                self._turns += key is not None
                return key
        self._turns = turn
        return self._ready.popleft()

    def _next_of_second(self) -> K | None:
        if not self._second or (piece := self.housekeeping.begin(self._wake_one)) is None:
            return None
        key = next(iter(self._second))
        del self._second[key]
        self._pieces[key] = piece
        if self._second:
            self.housekeeping.ask(self._wake_one)
        return key

    def begin(self, key: K) -> None:
        """The key that was taken is read only now: what was added since is included."""
        self._dirty.discard(key)

    def done(self, key: K) -> None:
        """End the processing of ``key``."""
        self._processing.discard(key)
        if (piece := self._pieces.pop(key, None)) is not None:
            piece.end()
        if key in self._dirty:
            self._ready.append(key)
            self._wake_one()

    def wake(self) -> None:
        """Have all keys processed that were added while the queue was held."""
        for _ in range(len(self)):
            self._wake_one()

    def close(self) -> None:
        """Drop everything that waits, timers included."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._ready.clear()
        self._second.clear()
        self._dirty.clear()

    @property
    def is_idle(self) -> bool:
        """Nothing waits to be processed now and nothing is being processed."""
        return not len(self) and not self._processing

    def __len__(self) -> int:
        return len(self._ready) + len(self._second)

    def _wake_one(self) -> None:
        if self._held():
            return
        while self._idle:
            worker = self._idle.popleft()
            if not worker.done():
                worker.set_result(None)
                return

    async def _wait(self) -> None:
        worker = asyncio.get_running_loop().create_future()
        self._idle.append(worker)
        try:
            await worker
        except BaseException:
            if worker.done() and not worker.cancelled() and len(self):
                self._wake_one()  # the key that it was woken for is another's to take
            worker.cancel()
            raise

    def _fire(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)
