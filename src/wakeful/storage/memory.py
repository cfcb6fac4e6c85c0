"""The store for tests and throw-away servers: encoded objects in a dictionary."""

from __future__ import annotations

import asyncio
import builtins
from bisect import bisect_right, insort
from collections.abc import Iterator

import orjson

from wakeful.storage.history import History, Subscription
from wakeful.storage.store import (
    JSONObject,
    Key,
    KeyExistsError,
    KeyMissingError,
    Record,
    RevisionConflictError,
    StoreEvent,
    StoreEventType,
)


class MemoryStore:
    """Keeps nothing beyond the process; otherwise behaves as every store."""

    def __init__(self, *, history: History | None = None) -> None:
        self._history = history or History(0)
        self._revision = self._history.oldest_revision
        self._objects: dict[Key, Record] = {}
        self._names: dict[tuple[str, str], list[tuple[str, str]]] = {}

    @property
    def revision(self) -> int:
        """Revision of the last write."""
        return self._revision

    @property
    def oldest_revision(self) -> int:
        """The smallest ``since`` a watch may start from."""
        return self._history.oldest_revision

    def get(self, key: Key) -> Record | None:
        """Return the object, or None."""
        return self._objects.get(key)

    def list(
        self,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        after: tuple[str, str] | None = None,
    ) -> Iterator[Record]:
        """Yield objects by namespace, then name."""
        for found_namespace, name in self._select(group, resource, namespace, after):
            yield self._objects[Key(group, resource, found_namespace, name)]

    def count(
        self,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        after: tuple[str, str] | None = None,
    ) -> int:
        """How many objects :meth:`list` would yield."""
        return len(self._select(group, resource, namespace, after))

    def create(self, key: Key, obj: JSONObject) -> Record:
        """Store a new object."""
        if key in self._objects:
            raise KeyExistsError(key)
        record = self._encode(key, obj)
        insort(self._names.setdefault((key.group, key.resource), []), (key.namespace, key.name))
        self._commit(StoreEventType.ADDED, record, None, obj)
        return record

    def update(self, key: Key, obj: JSONObject, *, expected: int) -> Record:
        """Replace an object last written at revision ``expected``."""
        current = self._expect(key, expected)
        record = self._encode(key, obj)
        self._commit(StoreEventType.MODIFIED, record, current.data, obj)
        return record

    def delete(self, key: Key, *, expected: int, final: JSONObject | None = None) -> Record:
        """Remove an object last written at ``expected``; return its last state."""
        current = self._expect(key, expected)
        obj = current.decode() if final is None else final
        record = self._encode(key, obj)
        self._names[key.group, key.resource].remove((key.namespace, key.name))
        self._commit(StoreEventType.DELETED, record, current.data, obj)
        return record

    def watch(
        self, group: str, resource: str, *, namespace: str = "", since: int | None = None
    ) -> Subscription:
        """Follow writes after revision ``since`` in commit order."""
        return self._history.subscribe(group, resource, namespace, since)

    async def maintain(self) -> None:
        """Wait until cancelled: there is nothing to keep up."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """End the watchers."""
        self._history.close()

    def _select(
        self, group: str, resource: str, namespace: str, after: tuple[str, str] | None
    ) -> builtins.list[tuple[str, str]]:
        names = self._names.get((group, resource), [])
        if after is not None:
            names = names[bisect_right(names, after) :]
        return [n for n in names if n[0] == namespace] if namespace else names[:]

    def _expect(self, key: Key, expected: int) -> Record:
        current = self._objects.get(key)
        if current is None:
            raise KeyMissingError(key)
        if current.revision != expected:
            raise RevisionConflictError(key, expected=expected, current=current.revision)
        return current

    def _encode(self, key: Key, obj: JSONObject) -> Record:
        revision = self._revision + 1
        obj["metadata"]["resourceVersion"] = str(revision)
        return Record(key, revision, orjson.dumps(obj))

    def _commit(
        self, kind: StoreEventType, record: Record, previous: bytes | None, obj: JSONObject
    ) -> None:
        self._revision = record.revision
        if kind is StoreEventType.DELETED:
            del self._objects[record.key]
        else:
            self._objects[record.key] = record
        self._history.publish(
            StoreEvent(kind, record.key, record.revision, record.data, previous, obj)
        )
