"""A local copy of one collection, kept current by list and watch."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from wakeful.aio import Backoff, Clock, SystemClock, retry
from wakeful.apimachinery.compact import compact
from wakeful.apimachinery.errors import APIStatusError, ExpiredError
from wakeful.apimachinery.labels import EVERYTHING, Selector
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apimachinery.watch import EventType
from wakeful.client.typed import Client

T = TypeVar("T", bound=Object)
Indexer = Callable[[T], Iterable[str]]

_SETTLE_SECONDS = 10.0
"""What has not changed for so long will stay for a while, and is made small."""
_AT_ONCE = 20
"""Objects made small in one go; about a millisecond."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How collections are read: so many objects at a time, and so many collections at once."""

    page: int = 500
    turns: asyncio.Semaphore | None = None
    """Shared by all who are to take turns; without it nobody waits for another."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What happened to one object: ``old`` is None when added, ``new`` is None when deleted."""

    old: T | None
    new: T | None
    listed: bool = False
    """Found when everything was listed: nobody says that it changed just now."""

    @property
    def object(self) -> T:
        """The newest state known."""
        found = self.new if self.new is not None else self.old
        assert found is not None
        return found


class Lister(Protocol[T]):
    """Read access to a cache. What it returns is shared: copy before changing."""

    def get(self, name: str, namespace: str = "") -> T | None:
        """One object, or None."""
        ...

    def list(self, namespace: str = "", selector: Selector = EVERYTHING) -> list[T]:
        """All objects of a namespace (empty: of all) that match."""
        ...


class Informer(Generic[T]):
    """Watches one kind and remembers it.

    Handlers are plain functions called in the order of events, after the cache has changed; they
    must not block. Objects in the cache are shared and read-only.
    """

    def __init__(
        self,
        client: Client,
        model: type[T],
        *,
        namespace: str = "",
        selector: Selector = EVERYTHING,
        fields: str = "",
        reduce: Callable[[T], T] | None = None,
        on_settled: Callable[[int], None] | None = None,
        listing: Listing | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``reduce`` takes away what nobody who reads this cache looks at.

        With ``on_settled``, objects that have not changed for a while are made small, see
        :func:`~wakeful.apimachinery.compact.compact`, and it hears how many.
        """
        self.model = model
        self.synced = asyncio.Event()
        self._client = client
        self._namespace, self._selector, self._fields = namespace, selector, fields
        self._reduce, self._on_settled = reduce, on_settled
        self._listing = listing or Listing()
        self._clock = clock or SystemClock()
        self._objects: dict[NamespacedName, T] = {}
        self._fresh: dict[NamespacedName, T] = {}
        """Objects that were not made small yet."""
        self._arrived = asyncio.Event()
        self._handlers: list[Callable[[Change[T]], None]] = []
        self._indexers: dict[str, Indexer[T]] = {}
        self._indices: dict[str, dict[str, set[NamespacedName]]] = {}
        self._log = structlog.get_logger("wakeful.client.informer").bind(kind=model.gvk.kind)

    @property
    def name(self) -> str:
        """``informer:<plural>``, for tasks and logs."""
        return f"informer:{self._client.scheme.of(self.model).plural}"

    def get(self, name: str, namespace: str = "") -> T | None:
        """One object, or None."""
        return self._objects.get(NamespacedName(namespace, name))

    def list(self, namespace: str = "", selector: Selector = EVERYTHING) -> list[T]:
        """All objects of a namespace (empty: of all) that match."""
        return [
            obj
            for key, obj in self._objects.items()
            if (not namespace or key.namespace == namespace)
            and (not selector or selector.matches(obj.metadata.labels))
        ]

    def add_index(self, name: str, indexer: Indexer[T]) -> None:
        """Keep objects findable by the values ``indexer`` returns for them."""
        self._indexers[name] = indexer
        self._indices[name] = defaultdict(set)
        for key, obj in self._objects.items():
            for value in indexer(obj):
                self._indices[name][value].add(key)

    def by_index(self, name: str, value: str) -> Sequence[T]:
        """Objects for which the index has ``value``."""
        return [self._objects[key] for key in sorted(self._indices[name].get(value, ()))]

    def add_handler(self, handler: Callable[[Change[T]], None]) -> None:
        """Call ``handler`` for every change; for what is known already, at once as additions."""
        self._handlers.append(handler)
        for obj in list(self._objects.values()):
            handler(Change(None, obj, listed=True))

    async def run(self) -> None:
        """List, then watch, for ever; a lost watch resumes, an expired one lists again.

        What a handler raises comes out as it is.
        """
        if self._on_settled is None:
            await self._keep_current()
            return
        tasks = [
            asyncio.create_task(self._keep_current(), name=f"{self.name}:follow"),
            asyncio.create_task(self._settle(self._on_settled), name=f"{self.name}:settle"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():  # it failed, be it in the moment that we were cancelled
                    task.result()

    async def _keep_current(self) -> None:
        backoff = Backoff(base=0.05, cap=10)

        async def list_and_follow() -> None:
            version = ""
            while True:
                try:
                    if not version:
                        async with self._listing.turns or contextlib.nullcontext():
                            version = await self._list()
                        self.synced.set()
                        backoff.reset()
                    version = await self._follow(version)
                except ExpiredError:
                    version = ""

        def tell(err: Exception, delay: float) -> None:
            self._log.warning("watch failed", error=str(err), retry_seconds=round(delay, 2))

        await retry(
            list_and_follow,
            (TimeoutError, APIStatusError, OSError),
            backoff=backoff,
            tell=tell,
            clock=self._clock,
        )

    async def _list(self) -> str:
        gone = set(self._objects)
        version = token = ""
        while True:
            found = await self._client.list(
                self.model,
                self._namespace,
                selector=self._selector,
                fields=self._fields,
                limit=self._listing.page,
                continue_token=token,
            )
            for obj in found.items:
                gone.discard(obj.key)
                self._store(obj, listed=True)
            if self._on_settled is not None:  # at once: the next page takes what this one frees
                fresh, self._fresh = self._fresh, {}
                for obj in fresh.values():
                    compact(obj)
                self._on_settled(len(fresh))
            # What changes while pages are read is told by a watch from the first one's version.
            version = version or found.resource_version
            token = found.continue_token
            if not token:
                break
            await asyncio.sleep(0)  # let others in, and do not hold all of it twice
        for key in gone:
            self._remove(key)
        return version

    async def _follow(self, version: str) -> str:
        async with self._client.watch(
            self.model,
            self._namespace,
            resource_version=version,
            selector=self._selector,
            fields=self._fields,
        ) as events:
            async for event in events:
                version = event.object.metadata.resource_version or version
                if event.type in (EventType.ADDED, EventType.MODIFIED):
                    known = self._objects.get(event.object.key)
                    if known is None or _is_newer(event.object, known):
                        self._store(event.object)
                elif event.type == EventType.DELETED:
                    self._remove(event.object.key, event.object)
        return version

    def _store(self, obj: T, *, listed: bool = False) -> None:
        key = obj.key
        old = self._objects.get(key)
        if old is not None and old.metadata.resource_version == obj.metadata.resource_version:
            return
        if self._reduce is not None:
            obj = self._reduce(obj)
        self._objects[key] = obj
        if self._on_settled is not None:
            self._fresh[key] = obj
            self._arrived.set()
        self._reindex(key, old, obj)
        self._notify(Change(old, obj, listed=listed and old is None))

    async def _settle(self, on_settled: Callable[[int], None]) -> None:
        """Make objects small that have not changed for a while, a few at a time."""
        while True:
            await self._arrived.wait()
            await self._clock.sleep(_SETTLE_SECONDS)
            self._arrived.clear()
            fresh, self._fresh = self._fresh, {}
            for count, obj in enumerate(fresh.values(), 1):
                compact(obj)
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)
            on_settled(len(fresh))

    def _remove(self, key: NamespacedName, last: T | None = None) -> None:
        old = self._objects.get(key)
        if old is None or (last is not None and last.metadata.uid != old.metadata.uid):
            return  # or it was another one of that name that is gone
        del self._objects[key]
        self._fresh.pop(key, None)
        self._reindex(key, old, None)
        self._notify(Change(last or old, None))

    def _reindex(self, key: NamespacedName, old: T | None, new: T | None) -> None:
        for name, indexer in self._indexers.items():
            index = self._indices[name]
            before = set(indexer(old)) if old is not None else set()
            after = set(indexer(new)) if new is not None else set()
            for value in before - after:
                index[value].discard(key)
                if not index[value]:
                    del index[value]
            for value in after - before:
                index[value].add(key)

    def _notify(self, change: Change[T]) -> None:
        for handler in self._handlers:
            handler(change)

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)


def _is_newer(obj: Object, known: Object) -> bool:
    """Whether this state is not known yet: a later page may have told it before the watch does."""
    new, old = obj.metadata, known.metadata
    if new.uid == old.uid and new.resource_version.isdigit() and old.resource_version.isdigit():
        return int(new.resource_version) > int(old.resource_version)
    return new.resource_version != old.resource_version
