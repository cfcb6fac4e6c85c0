"""The store's contract: keys, records, events, errors and the protocol every backend keeps.

Calls are synchronous. They take tens of microseconds, less than a hop to a thread would, and
because nothing can run between two of them the API server's read-check-write needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from wakeful.apimachinery.errors import WakefulError

if TYPE_CHECKING:
    from wakeful.storage.history import Subscription

JSONObject = dict[str, Any]


class Key(NamedTuple):
    """Where an object lives; ``namespace`` is empty for cluster-scoped kinds."""

    group: str
    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{resource} {self.namespace}/{self.name}" if self.namespace else resource


class StoreError(WakefulError):
    """Root of what a store refuses."""


class KeyExistsError(StoreError):
    """An object of that key is there already."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"{key} already exists")
        self.key = key


class KeyMissingError(StoreError):
    """There is no object of that key."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"{key} not found")
        self.key = key


class RevisionConflictError(StoreError):
    """The object was written since it was read."""

    def __init__(self, key: Key, *, expected: int, current: int) -> None:
        super().__init__(f"{key}: revision {expected} is stale, current is {current}")
        self.key, self.expected, self.current = key, expected, current


class StoreUnwritableError(StoreError):
    """Nothing can be written: the disk is full, broken or read-only. Nothing was."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"cannot write to {path}: {why}")
        self.path, self.why = path, why


class CompactedError(StoreError):
    """The history asked for is no longer kept."""

    def __init__(self, since: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {since} ({oldest})")
        self.since, self.oldest = since, oldest


class WatchOverflowError(StoreError):
    """A watcher fell too far behind and was cut; it has to list again."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the watcher fell more than {limit} events behind")
        self.limit = limit


class Record:
    """One stored object: its encoded form, and the revision of its last write."""

    __slots__ = ("data", "key", "revision")

    def __init__(self, key: Key, revision: int, data: bytes) -> None:
        self.key, self.revision, self.data = key, revision, data

    def decode(self) -> JSONObject:
        """Return a fresh copy of the object, the caller's to change."""
        obj: JSONObject = orjson.loads(self.data)
        return obj


class StoreEventType(StrEnum):
    """What happened to a key."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class StoreEvent:
    """One committed write.

    ``object`` and ``previous`` are decoded at most once and shared by every watcher: read only.
    For a deletion, ``object`` is the last state under the revision of the deletion.
    """

    __slots__ = ("_object", "_previous", "data", "key", "previous_data", "revision", "type")

    def __init__(
        self,
        type: StoreEventType,  # noqa: A002 - the word of the watch API
        key: Key,
        revision: int,
        data: bytes,
        previous_data: bytes | None,
        obj: JSONObject | None = None,
    ) -> None:
        self.type, self.key, self.revision = type, key, revision
        self.data, self.previous_data = data, previous_data
        self._object, self._previous = obj, None

    @property
    def object(self) -> JSONObject:
        """The state after the write; shared, read only."""
        if self._object is None:
            self._object = orjson.loads(self.data)
        return self._object

    @property
    def previous(self) -> JSONObject | None:
        """The state before the write, None for a creation; shared, read only."""
        if self._previous is None and self.previous_data is not None:
            self._previous = orjson.loads(self.previous_data)
        return self._previous

    def without_cache(self) -> StoreEvent:
        """The same event without decoded objects, to be kept for long."""
        return StoreEvent(self.type, self.key, self.revision, self.data, self.previous_data)


class Store(Protocol):
    """Objects by key under one monotonic revision.

    Writers hand their dictionary over: the store puts ``metadata.resourceVersion`` in, passes the
    dictionary to watchers, and nobody may change it afterwards.
    """

    @property
    def revision(self) -> int:
        """Revision of the last write."""
        ...

    def get(self, key: Key) -> Record | None:
        """Return the object, or None."""
        ...

    def list(
        self,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        after: tuple[str, str] | None = None,
    ) -> Iterator[Record]:
        """Yield objects by namespace, then name; ``after`` skips up to that (namespace, name).

        An empty ``namespace`` means all. Consistent as long as the caller does not await between
        two items.
        """
        ...

    def count(
        self,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        after: tuple[str, str] | None = None,
    ) -> int:
        """How many objects :meth:`list` would yield."""
        ...

    def create(self, key: Key, obj: JSONObject) -> Record:
        """Store a new object.

        Raises:
            KeyExistsError: The key is taken.
        """
        ...

    def update(self, key: Key, obj: JSONObject, *, expected: int) -> Record:
        """Replace an object last written at revision ``expected``.

        Raises:
            KeyMissingError: There is no such object.
            RevisionConflictError: It was written since.
        """
        ...

    def delete(self, key: Key, *, expected: int, final: JSONObject | None = None) -> Record:
        """Remove an object last written at ``expected``; return its last state.

        The state returned, and seen by watchers, is ``final`` if given, else what was stored; it
        carries the revision of the deletion.

        Raises:
            KeyMissingError: There is no such object.
            RevisionConflictError: It was written since.
        """
        ...

    def watch(
        self, group: str, resource: str, *, namespace: str = "", since: int | None = None
    ) -> Subscription:
        """Follow writes after revision ``since`` (default: from now on) in commit order.

        Raises:
            CompactedError: ``since`` is older than the history kept.
        """
        ...

    @property
    def oldest_revision(self) -> int:
        """The smallest ``since`` a watch may start from."""
        ...

    async def maintain(self) -> None:
        """Do background upkeep until cancelled."""
        ...

    def close(self) -> None:
        """Release what is held; watchers end."""
        ...
