"""Hops and dead letters in SQLite."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from wakeful.eventing.history.records import DeadLetter, Hop, HopKind

log = logging.getLogger("wakeful.eventing.history")

MAX_HOPS = 200_000
MAX_DEAD_LETTERS = 100_000
_FLUSH_SECONDS = 0.25
_SUCCESSES_PER_FLUSH = 150
_FAILURES_PER_FLUSH = 2_000
_SUCCESSES = frozenset({HopKind.ACCEPTED, HopKind.DELIVERED, HopKind.REPLIED})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS hops (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL,
    owner TEXT NOT NULL, event_id TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL,
    sequence INTEGER NOT NULL, url TEXT NOT NULL, status INTEGER, attempt INTEGER NOT NULL,
    duration_ms REAL NOT NULL, note TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS hops_by_event ON hops (event_id, source);
CREATE TABLE IF NOT EXISTS dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, owner TEXT NOT NULL,
    event_id TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL,
    url TEXT NOT NULL, reason TEXT NOT NULL, status INTEGER, attempts INTEGER NOT NULL,
    response BLOB NOT NULL, message BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS dead_letters_by_owner ON dead_letters (owner);
"""
_HOP = "kind, owner, event_id, source, type, sequence, url, status, attempt, duration_ms, note, at"
_LETTER = "owner, event_id, source, type, url, reason, status, attempts, response, message, subject"
_IN_NAMESPACE = " AND owner GLOB ?"


def _narrow(
    where: str, *values: object, namespace: str | None, **columns: str | None
) -> tuple[str, list[object]]:
    """Add to a condition what was asked for: values of columns, owners in a namespace."""
    found = list(values)
    for column, value in columns.items():
        if value is not None:
            where += f" AND {column} = ?"
            found.append(value)
    if namespace is not None:
        where += _IN_NAMESPACE
        found.append(_owners_in(namespace))
    return where, found


def _owners_in(namespace: str) -> str:
    """Pattern of owners in a namespace; names of namespaces have nothing special in them."""
    return f"*/{namespace}/*"


def history_path(data_dir: Path) -> Path:
    """Where the history of a data directory is."""
    return data_dir / "eventing" / "history.db"


class HistoryStore:
    """One file; safe to use from several threads and processes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db, self._lock = connection, threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open, making what is missing."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
        return cls(connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    # --- hops ---------------------------------------------------------------------------------

    def add_hops(self, hops: Iterable[Hop]) -> None:
        """Keep hops; the oldest go when there are too many."""
        rows = [
            (
                *(h.at, h.kind.value, h.owner, h.event_id, h.source, h.type, h.sequence),
                *(h.url, h.status, h.attempt, h.duration_ms, h.note),
            )
            for h in hops
        ]
        with self._lock, self._db:
            self._db.executemany(
                "INSERT INTO hops (at, kind, owner, event_id, source, type, sequence, url, status,"
                " attempt, duration_ms, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            (last,) = self._db.execute("SELECT coalesce(max(number), 0) FROM hops").fetchone()
            self._db.execute("DELETE FROM hops WHERE number <= ?", (last - MAX_HOPS,))

    def hops_of(
        self, event_id: str, source: str | None = None, *, namespace: str | None = None
    ) -> Sequence[Hop]:
        """Everything known about an event (in one namespace), oldest first."""
        where, values = _narrow("event_id = ?", event_id, source=source, namespace=namespace)
        return self._hops(f"WHERE {where} ORDER BY number", values)

    def recent_hops(
        self, limit: int = 100, owner: str | None = None, *, namespace: str | None = None
    ) -> Sequence[Hop]:
        """The latest hops, newest first; ``owner`` picks a Broker's, a Trigger's."""
        where, values = _narrow("TRUE", owner=owner, namespace=namespace)
        return self._hops(f"WHERE {where} ORDER BY number DESC LIMIT ?", [*values, limit])

    def hop(self, number: int) -> Hop | None:
        """One of them."""
        return next(iter(self._hops("WHERE number = ?", [number])), None)

    def _hops(self, rest: str, values: Sequence[object]) -> Sequence[Hop]:
        with self._lock:
            rows = self._db.execute(f"SELECT {_HOP}, number FROM hops {rest}", values).fetchall()
        return [Hop(HopKind(row[0]), *row[1:]) for row in rows]

    # --- dead letters -------------------------------------------------------------------------

    def add_dead_letter(self, letter: DeadLetter) -> int:
        """Keep an event; returns its number once it is on disk."""
        with self._lock, self._db:
            cursor = self._db.execute(
                f"INSERT INTO dead_letters (at, {_LETTER})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(letter.at or time.time(), letter.owner, letter.event_id, letter.source),
                    *(letter.type, letter.url, letter.reason, letter.status, letter.attempts),
                    *(letter.response, letter.message, letter.subject),
                ),
            )
            number = cursor.lastrowid or 0
            self._db.execute(
                "DELETE FROM dead_letters WHERE number <= ?", (number - MAX_DEAD_LETTERS,)
            )
        return number

    def dead_letters(
        self,
        *,
        owner: str | None = None,
        namespace: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[DeadLetter]:
        """Dead letters in the order in which they came, from number ``after`` on."""
        where, values = _narrow("number > ?", after, owner=owner, namespace=namespace)
        return self._letters(f"WHERE {where} ORDER BY number LIMIT ?", [*values, limit])

    def dead_letter(self, number: int) -> DeadLetter | None:
        """One of them."""
        return next(iter(self._letters("WHERE number = ?", [number])), None)

    def replace_dead_letter(self, letter: DeadLetter) -> bool:
        """Change one, by its number: mended by hand, or tried again in vain.

        Returns whether it was there.
        """
        names = [name.strip() for name in _LETTER.split(",")]
        values = [getattr(letter, name) for name in (*names, "number")]
        with self._lock, self._db:
            cursor = self._db.execute(
                f"UPDATE dead_letters SET {', '.join(f'{name} = ?' for name in names)}"
                " WHERE number = ?",
                values,
            )
        return cursor.rowcount > 0

    def remove_dead_letter(self, number: int) -> bool:
        """Forget one; return whether it was there."""
        with self._lock, self._db:
            cursor = self._db.execute("DELETE FROM dead_letters WHERE number = ?", (number,))
        return cursor.rowcount > 0

    def _letters(self, rest: str, values: Sequence[object]) -> Sequence[DeadLetter]:
        with self._lock:
            rows = self._db.execute(
                f"SELECT {_LETTER}, at, number FROM dead_letters {rest}",
                values,
            ).fetchall()
        return [DeadLetter(*row) for row in rows]


class HopRecorder:
    """Buffers hops and writes them from time to time, in a thread."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self._buffer: list[Hop] = []
        self._successes = self._failures = 0
        self.skipped = 0
        """Hops not kept because there were too many at a time."""

    def wants(self, kind: HopKind) -> bool:
        """Whether there is room; what finds none is counted."""
        if kind in _SUCCESSES:
            self._successes += 1
            full = self._successes > _SUCCESSES_PER_FLUSH
        else:
            self._failures += 1
            full = self._failures > _FAILURES_PER_FLUSH
        self.skipped += full
        return not full

    def record(self, hop: Hop) -> None:
        """Keep a hop; ``wants`` says whether it makes sense to make one."""
        object.__setattr__(hop, "at", time.time())  # made a moment ago, seen by nobody else yet
        self._buffer.append(hop)

    async def flush(self) -> None:
        """Write what is buffered."""
        hops, self._buffer = self._buffer, []
        self._successes = self._failures = 0
        if hops:
            try:
                await asyncio.to_thread(self._store.add_hops, hops)
            except sqlite3.Error as error:
                log.warning("hops not kept: %s", error)

    async def run(self) -> None:
        """Flush until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(_FLUSH_SECONDS)
                await self.flush()
        finally:
            await self.flush()
