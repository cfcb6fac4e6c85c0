"""One partition while it is ours: what was fetched, what is under way, what may be committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from wakeful.eventbus.kafka import Record
from wakeful.eventing.sources.kafka.ledger import Ledger

Deliver = Callable[[Record], Awaitable[None]]
"""Does all there is to do with a record, retries and dead letter sink included."""

_MOST_WAITING = 256
_MOST_AT_ONCE = 64


class Lane:
    """Delivers the records of one partition, in order or many at once.

    :meth:`run` belongs to a TaskGroup; cancelling it leaves what was under way uncommitted.
    """

    def __init__(self, deliver: Deliver, changed: asyncio.Event, *, ordered: bool) -> None:
        self._deliver, self._changed = deliver, changed
        self._workers = 1 if ordered else _MOST_AT_ONCE
        self._waiting: deque[Record] = deque()
        self._ledger = Ledger()
        self._arrived = asyncio.Condition()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether fetching should pause."""
        return len(self._waiting) >= _MOST_WAITING

    @property
    def wants_more(self) -> bool:
        """Whether fetching should go on after a pause."""
        return len(self._waiting) < _MOST_WAITING // 2

    async def put(self, records: Iterable[Record]) -> None:
        """Add what was fetched."""
        if self._closed:
            return
        async with self._arrived:
            self._waiting.extend(records)
            self._arrived.notify_all()

    def to_commit(self) -> int | None:
        """The offset to commit, if there is a new one."""
        return self._ledger.to_commit()

    def committed(self, offset: int) -> None:
        """The broker has stored it."""
        self._ledger.committed(offset)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, and give what is under way some time to end."""
        self._closed = True
        self._waiting.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return  # whoever has the partition next delivers it again

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: bool(self._waiting))
                record = self._waiting.popleft()
                self._ledger.take(record.offset)
                self._idle.clear()
            await self._deliver(record)
            self._ledger.done(record.offset)
            if not self._ledger.under_way:
                self._idle.set()
            self._changed.set()
