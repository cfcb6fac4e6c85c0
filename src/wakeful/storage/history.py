"""Recent writes in memory, and the watchers they are handed to at commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from wakeful.storage.store import CompactedError, StoreEvent, WatchOverflowError


class Subscription:
    """One watcher's queue of events; a watcher that falls too far behind is cut, not buffered."""

    __slots__ = ("_closed", "_events", "_history", "_limit", "_overflow", "_topic", "_wake")

    def __init__(
        self, history: History, topic: tuple[str, str, str], replay: list[StoreEvent], limit: int
    ) -> None:
        self._history, self._topic, self._limit = history, topic, limit + len(replay)
        self._events: deque[StoreEvent] = deque(replay)
        self._wake = asyncio.Event()
        self._closed = self._overflow = False
        if replay:
            self._wake.set()

    def offer(self, event: StoreEvent) -> None:
        """Queue an event; called at commit."""
        if len(self._events) >= self._limit:
            self._overflow = True
            self._events.clear()
            self.close()
            return
        self._events.append(event)
        self._wake.set()

    def poll(self) -> StoreEvent | None:
        """Return the next event if one is waiting.

        Raises:
            WatchOverflowError: This watcher was cut.
        """
        if self._events:
            return self._events.popleft()
        if self._overflow:
            raise WatchOverflowError(self._limit)
        self._wake.clear()
        if self._closed:
            self._wake.set()
        return None

    async def wait(self) -> None:
        """Return once :meth:`poll` has something to say, or the subscription is closed."""
        await self._wake.wait()

    @property
    def pending(self) -> int:
        """How many events are queued."""
        return len(self._events)

    @property
    def closed(self) -> bool:
        """No event will follow those already queued."""
        return self._closed

    def close(self) -> None:
        """Stop receiving; idempotent."""
        self._closed = True
        self._wake.set()
        self._history.remove(self._topic, self)


class History:
    """A ring of recent events, bounded by number and by bytes.

    Events stay encoded here; decoded objects live only as long as watchers hold them.
    """

    def __init__(
        self,
        revision: int,
        *,
        max_events: int = 4096,
        max_bytes: int = 16 << 20,
        watcher_backlog: int = 4096,
    ) -> None:
        self.oldest_revision = revision
        self._max_events, self._max_bytes, self._backlog = max_events, max_bytes, watcher_backlog
        self._ring: deque[StoreEvent] = deque()
        self._bytes = 0
        self._watchers: dict[tuple[str, str, str], set[Subscription]] = {}

    def publish(self, event: StoreEvent) -> None:
        """Remember a committed write and hand it to whoever watches its key."""
        kept = event.without_cache()
        self._ring.append(kept)
        self._bytes += _size(kept)
        while len(self._ring) > self._max_events or self._bytes > self._max_bytes:
            dropped = self._ring.popleft()
            self._bytes -= _size(dropped)
            self.oldest_revision = dropped.revision
        group, resource, namespace, _ = event.key
        scopes = (namespace, "") if namespace else ("",)
        for scope in scopes:
            watchers = self._watchers.get((group, resource, scope))
            if watchers:
                for watcher in tuple(watchers):
                    watcher.offer(event)

    def subscribe(
        self, group: str, resource: str, namespace: str, since: int | None
    ) -> Subscription:
        """Open a queue that starts with the remembered events after ``since``.

        Raises:
            CompactedError: ``since`` is older than what is remembered.
        """
        replay: list[StoreEvent] = []
        if since is not None:
            if since < self.oldest_revision:
                raise CompactedError(since, self.oldest_revision)
            replay = list(self._after(since, group, resource, namespace))
            replay.reverse()
        topic = (group, resource, namespace)
        subscription = Subscription(self, topic, replay, self._backlog)
        self._watchers.setdefault(topic, set()).add(subscription)
        return subscription

    def remove(self, topic: tuple[str, str, str], subscription: Subscription) -> None:
        """Forget a watcher."""
        watchers = self._watchers.get(topic)
        if watchers is not None:
            watchers.discard(subscription)
            if not watchers:
                del self._watchers[topic]

    def close(self) -> None:
        """End every watcher."""
        for watchers in tuple(self._watchers.values()):
            for watcher in tuple(watchers):
                watcher.close()

    def _after(self, since: int, group: str, resource: str, namespace: str) -> Iterator[StoreEvent]:
        for event in reversed(self._ring):
            if event.revision <= since:
                return
            key = event.key
            if (
                key.resource == resource
                and key.group == group
                and (not namespace or key.namespace == namespace)
            ):
                yield event


def _size(event: StoreEvent) -> int:
    return len(event.data) + len(event.previous_data or b"") + 200
