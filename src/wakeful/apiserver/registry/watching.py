"""Watch: the present state on request, then every change, as each client's selectors see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from wakeful.apimachinery.errors import ExpiredError
from wakeful.apimachinery.watch import INITIAL_EVENTS_END, EventType
from wakeful.apiserver.registry.call import Call
from wakeful.apiserver.registry.reading import Reader
from wakeful.apiserver.registry.selectors import Selection, parse_selection
from wakeful.apiserver.registry.served import Served
from wakeful.apiserver.registry.versions import check_match, parse_revision, require_reached
from wakeful.storage import (
    CompactedError,
    Record,
    Store,
    StoreEvent,
    Subscription,
    WatchOverflowError,
)

BOOKMARK_SECONDS = 60.0


class ServedEvent:
    """One event in the version asked for; encodings known already are kept as such."""

    __slots__ = ("_object", "_source", "served", "type")

    def __init__(
        self,
        type: EventType,  # noqa: A002 - the word of the watch API
        served: Served,
        source: StoreEvent | Record | dict[str, Any],
    ) -> None:
        self.type, self.served, self._source = type, served, source
        self._object: dict[str, Any] | None = None

    @property
    def object(self) -> dict[str, Any]:
        """The object; shared, read only."""
        if self._object is None:
            source = self._source
            if isinstance(source, StoreEvent):
                self._object = self.served.encode(source.object)
            elif isinstance(source, Record):
                self._object = self.served.encode(source.decode())
            else:
                self._object = source
        return self._object

    @property
    def data(self) -> bytes | None:
        """The object as JSON, if that needs no encoding."""
        source = self._source
        if self.served.is_hub and not isinstance(source, dict):
            return source.data
        return None


class WatchStream:
    """The events of one open watch; :meth:`close` ends it as if its time were up."""

    def __init__(
        self, events: AsyncGenerator[ServedEvent, None], subscription: Subscription
    ) -> None:
        self._events, self._subscription = events, subscription

    def __aiter__(self) -> AsyncIterator[ServedEvent]:
        return self._events

    def close(self) -> None:
        """Let no event follow those already queued."""
        self._subscription.close()


class Watcher:
    """Answers watches."""

    def __init__(
        self, store: Store, reader: Reader, *, bookmark_seconds: float = BOOKMARK_SECONDS
    ) -> None:
        self._store, self._reader = store, reader
        self._bookmark_seconds = bookmark_seconds

    @asynccontextmanager
    async def watch(self, call: Call) -> AsyncIterator[WatchStream]:
        """Follow the collection of the URL; the iterator ends with the time or the server.

        Raises:
            ExpiredError: The version to start from is no longer known.
            TimedOutError: It is in the future.
        """
        params, served = call.request.params, call.served
        check_match(params, watch=True)
        selection = parse_selection(served.resource, params)
        since = parse_revision(params.get("resourceVersion", ""))
        require_reached(since, self._store.revision)
        streaming_list = params.get("sendInitialEvents", "") in ("true", "1")
        initial = streaming_list or (since == 0 and not params.get("sendInitialEvents"))
        timeout = parse_revision(params.get("timeoutSeconds", ""))
        start = self._store.revision if initial else since
        try:
            subscription = self._store.watch(
                *served.resource.group_resource,
                namespace=call.request.namespace if served.resource.namespaced else "",
                since=start,
            )
        except CompactedError as err:
            raise ExpiredError(str(err)) from err
        try:
            records = [r for r, _ in self._reader.select(call, selection)] if initial else []
            bookmarks = params.get("allowWatchBookmarks", "") in ("true", "1")
            events = self._events(
                served,
                subscription,
                selection,
                records,
                closing_bookmark=start if streaming_list else None,
                bookmarks=bookmarks,
                timeout=float(timeout) if timeout else None,
            )
            async with aclosing(events):
                yield WatchStream(events, subscription)
        finally:
            subscription.close()

    async def _events(
        self,
        served: Served,
        subscription: Subscription,
        selection: Selection,
        initial: list[Record],
        *,
        closing_bookmark: int | None,
        bookmarks: bool,
        timeout: float | None,
    ) -> AsyncGenerator[ServedEvent, None]:
        for record in initial:
            yield ServedEvent(EventType.ADDED, served, record)
        initial.clear()
        if closing_bookmark is not None:
            yield _bookmark(served, closing_bookmark, ended=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout if timeout is not None else None
        next_bookmark = loop.time() + self._bookmark_seconds if bookmarks else None
        while True:
            for event in self._queued(subscription):
                for seen in see(served, selection, event):
                    yield seen
            if subscription.closed:
                return
            if not await _wait(subscription, _earliest(deadline, next_bookmark)):
                now = loop.time()
                ending = deadline is not None and now >= deadline
                if bookmarks and not self._has_more(subscription):
                    yield _bookmark(served, self._store.revision)
                    next_bookmark = now + self._bookmark_seconds
                if ending:
                    return

    @staticmethod
    def _queued(subscription: Subscription) -> Iterator[StoreEvent]:
        try:
            while (event := subscription.poll()) is not None:
                yield event
        except WatchOverflowError as err:
            raise ExpiredError(f"too old resource version: {err}") from err

    @staticmethod
    def _has_more(subscription: Subscription) -> bool:
        return subscription.pending > 0


def see(served: Served, selection: Selection, event: StoreEvent) -> Iterator[ServedEvent]:
    """What a write looks like through a selection: objects come into view and leave it."""
    if not selection:
        yield ServedEvent(EventType(event.type), served, event)
        return
    previous = event.previous
    before = previous is not None and selection.matches(previous)
    after = event.type != "DELETED" and selection.matches(event.object)
    if after:
        kind = EventType.MODIFIED if before else EventType.ADDED
        yield ServedEvent(kind, served, event)
    elif before and previous is not None:
        metadata = previous["metadata"] | {"resourceVersion": str(event.revision)}
        gone = served.encode({**previous, "metadata": metadata})
        yield ServedEvent(EventType.DELETED, served, gone)


def _bookmark(served: Served, revision: int, *, ended: bool = False) -> ServedEvent:
    metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
    if ended:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    obj = {
        "kind": served.gvk.kind,
        "apiVersion": served.gvk.api_version,
        "metadata": metadata,
    }
    return ServedEvent(EventType.BOOKMARK, served, obj)


def _earliest(*times: float | None) -> float | None:
    known = [t for t in times if t is not None]
    return min(known) if known else None


async def _wait(subscription: Subscription, until: float | None) -> bool:
    """Wait for an event; False when ``until`` came first."""
    if until is None:
        await subscription.wait()
        return True
    try:
        async with asyncio.timeout_at(until):
            await subscription.wait()
    except TimeoutError:
        return False
    return True
