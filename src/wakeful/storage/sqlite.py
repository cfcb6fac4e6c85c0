"""The durable store: one SQLite file in WAL mode, called straight from the event loop.

Commits write the log without waiting for the disk, so a killed process loses nothing and a power
cut at most the last moments; syncing and copying the log back is the background's work
(:meth:`SQLiteStore.maintain`). Reads go through SQLite's page cache: no object is held in Python.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from wakeful.storage.history import History, Subscription
from wakeful.storage.store import (
    JSONObject,
    Key,
    KeyExistsError,
    KeyMissingError,
    Record,
    RevisionConflictError,
    StoreError,
    StoreEvent,
    StoreEventType,
    StoreUnwritableError,
)

log = structlog.get_logger("wakeful.storage.sqlite")

_SCHEMA_VERSION = 1
_UNWRITABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
_SCHEMA = """
CREATE TABLE objects (
    api_group TEXT NOT NULL,
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX objects_by_key ON objects (api_group, resource, namespace, name);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('reserved_revision', 0), ('checkpoints', 0);
"""
_KEY = "api_group = ? AND resource = ? AND namespace = ? AND name = ?"
_REVISION_BLOCK = 1000
_PAGE = 256


class SQLiteStore:
    """Objects in one SQLite file.

    Revisions are reserved in blocks, so that a commit touches no counter; after a restart numbering
    goes on above everything ever handed out, and older watches are told to list again.

    One process at a time may open a file: watchers hear of writes made through their own store.
    """

    def __init__(
        self, path: Path, *, history: History | None = None, checkpoint_pages: int = 2000
    ) -> None:
        self._path, self._checkpoint_pages = path, checkpoint_pages
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        self._db.execute("PRAGMA page_size=8192")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        self._db.execute("PRAGMA cache_size=-8192")
        self._db.execute("PRAGMA busy_timeout=5000")
        self._migrate()
        (self._reserved,) = self._db.execute(
            "SELECT value FROM counters WHERE name = 'reserved_revision'"
        ).fetchone()
        self._revision: int = self._reserved
        self._history = history or History(self._revision)
        self._history.oldest_revision = self._revision
        self._written = 0
        self._wal_grew = asyncio.Event()
        self._closed = False

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            raise StoreError(
                f"{self._path}: schema {version} was written by a newer version of this program"
            )
        if version == 0:
            self._db.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
            )

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
        row = self._db.execute(
            f"SELECT revision, data FROM objects WHERE {_KEY}",
            key,
        ).fetchone()
        return Record(key, row[0], row[1]) if row else None

    def list(
        self,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        after: tuple[str, str] | None = None,
    ) -> Iterator[Record]:
        """Yield objects by namespace, then name; memory is bounded by one page of them."""
        where, values = _where(group, resource, namespace, after)
        while True:
            rows = self._db.execute(
                f"SELECT namespace, name, revision, data FROM objects WHERE {where}"
                f" ORDER BY api_group, resource, namespace, name LIMIT {_PAGE}",
                values,
            ).fetchall()
            for found_namespace, name, revision, data in rows:
                yield Record(Key(group, resource, found_namespace, name), revision, data)
            if len(rows) < _PAGE:
                return
            where, values = _where(group, resource, namespace, (rows[-1][0], rows[-1][1]))

    def count(
        self,
        group: str,
        resource: str,
        *,
        namespace: str = "",
        after: tuple[str, str] | None = None,
    ) -> int:
        """How many objects :meth:`list` would yield."""
        where, values = _where(group, resource, namespace, after)
        sql = f"SELECT count(*) FROM objects WHERE {where}"
        (number,) = self._db.execute(sql, values).fetchone()
        return int(number)

    def create(self, key: Key, obj: JSONObject) -> Record:
        """Store a new object."""
        record = self._encode(key, obj)
        try:
            self._write(
                "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?)",
                (*key, record.revision, record.data),
            )
        except sqlite3.IntegrityError as err:
            raise KeyExistsError(key) from err
        self._committed(StoreEventType.ADDED, record, None, obj)
        return record

    def update(self, key: Key, obj: JSONObject, *, expected: int) -> Record:
        """Replace an object last written at revision ``expected``."""
        current = self._expect(key, expected)
        record = self._encode(key, obj)
        self._write(
            f"UPDATE objects SET revision = ?, data = ? WHERE {_KEY}",
            (record.revision, record.data, *key),
        )
        self._committed(StoreEventType.MODIFIED, record, current.data, obj)
        return record

    def delete(self, key: Key, *, expected: int, final: JSONObject | None = None) -> Record:
        """Remove an object last written at ``expected``; return its last state."""
        current = self._expect(key, expected)
        obj = current.decode() if final is None else final
        record = self._encode(key, obj)
        self._write(f"DELETE FROM objects WHERE {_KEY}", key)
        self._committed(StoreEventType.DELETED, record, current.data, obj)
        return record

    def watch(
        self, group: str, resource: str, *, namespace: str = "", since: int | None = None
    ) -> Subscription:
        """Follow writes after revision ``since`` in commit order."""
        return self._history.subscribe(group, resource, namespace, since)

    async def maintain(self) -> None:
        """Copy the log back into the database whenever it has grown; in a thread."""
        while True:
            await self._wal_grew.wait()
            self._wal_grew.clear()
            self._written = 0
            try:
                await asyncio.to_thread(
                    checkpoint, self._path, force_above_pages=2 * self._checkpoint_pages
                )
            except sqlite3.Error:
                log.warning("checkpoint failed", path=str(self._path), exc_info=True)

    def close(self) -> None:
        """Checkpoint, close the file and end the watchers; idempotent."""
        self._history.close()
        if self._closed:
            return
        self._closed = True
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:  # no room; the log has everything
            log.warning("checkpoint failed", path=str(self._path), exc_info=True)
        self._db.close()

    def _write(self, sql: str, values: Sequence[Any]) -> None:
        try:
            self._db.execute(sql, values)
        except sqlite3.OperationalError as err:
            if err.sqlite_errorcode & 0xFF in _UNWRITABLE:
                raise StoreUnwritableError(self._path, str(err)) from err
            raise

    def _expect(self, key: Key, expected: int) -> Record:
        current = self.get(key)
        if current is None:
            raise KeyMissingError(key)
        if current.revision != expected:
            raise RevisionConflictError(key, expected=expected, current=current.revision)
        return current

    def _encode(self, key: Key, obj: JSONObject) -> Record:
        revision = self._revision + 1
        if revision > self._reserved:
            reserved = self._reserved + _REVISION_BLOCK
            self._write(
                "UPDATE counters SET value = ? WHERE name = 'reserved_revision'", (reserved,)
            )
            self._reserved = reserved
        obj["metadata"]["resourceVersion"] = str(revision)
        return Record(key, revision, orjson.dumps(obj))

    def _committed(
        self, kind: StoreEventType, record: Record, previous: bytes | None, obj: JSONObject
    ) -> None:
        self._revision = record.revision
        self._written += 2 + len(record.data) // 4096
        if self._written >= self._checkpoint_pages:
            self._wal_grew.set()
        self._history.publish(
            StoreEvent(kind, record.key, record.revision, record.data, previous, obj)
        )


def checkpoint(path: Path, *, force_above_pages: int) -> None:
    """Copy the log back and begin a new one; blocks on the disk, so not for the event loop.

    Copying goes on beside writers. When they were quiet for a moment at its end the log begins
    anew; when they never are and it passes ``force_above_pages``, the rest is copied under the
    write lock. Beginning a new log syncs its header, which falls to whoever writes first: a write
    of our own follows at once, so that no request pays for it.
    """
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("PRAGMA busy_timeout=1000")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        # once more, for what was written meanwhile
        _, pages, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages > force_above_pages:
            db.execute("PRAGMA wal_checkpoint(RESTART)")
        db.execute("UPDATE counters SET value = value + 1 WHERE name = 'checkpoints'")
    finally:
        db.close()


def _where(
    group: str, resource: str, namespace: str, after: tuple[str, str] | None
) -> tuple[str, tuple[str, ...]]:
    where = "api_group = ? AND resource = ?"
    values: tuple[str, ...] = (group, resource)
    if namespace:
        where += " AND namespace = ?"
        values += (namespace,)
    if after is not None:
        where += " AND (namespace, name) > (?, ?)"
        values += after
    return where, values
