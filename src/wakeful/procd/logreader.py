"""Reading what :mod:`.logs` writes: as lines, from the end, and as they grow.

For those who know a log's path; the supervisor itself reads none.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_CHUNK = 64 * 1024
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, or a part of one: ``partial`` ones have no newline of their own."""

    stamp: str
    """RFC 3339 with nanoseconds."""
    stream: str
    partial: bool
    text: bytes


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What ``kubectl logs`` can ask for."""

    follow: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None
    timestamps: bool = False


def parse_line(raw: bytes) -> LogLine | None:
    """Read ``<time> <stream> <F|P> <text>``; None for anything else."""
    parts = raw.split(b" ", 3)
    if len(parts) < 3:
        return None
    text = parts[3] if len(parts) == 4 else b""
    return LogLine(parts[0].decode(), parts[1].decode(), parts[2] == b"P", text)


def rotated_files(path: Path) -> list[Path]:
    """All files of one run's log, oldest first."""
    older = sorted(
        (p for p in path.parent.glob(path.name + ".*") if p.suffix[1:].isdigit()),
        key=lambda p: -int(p.suffix[1:]),
    )
    return [*older, path] if path.exists() else older


def remove_log(path: Path) -> None:
    """Delete one run's log."""
    for file in rotated_files(path):
        file.unlink(missing_ok=True)


def read_lines(path: Path, place: _Place | None = None) -> Iterator[LogLine]:
    """Every line of one run, oldest first; ``place`` is moved to where reading ended."""
    with ExitStack() as stack:
        files = []
        for file in rotated_files(path):
            with suppress(FileNotFoundError):
                files.append(stack.enter_context(file.open("rb")))
        for source in files:
            position = 0
            for raw in source:
                if not raw.endswith(b"\n") and place is not None and source is files[-1]:
                    break  # still being written
                position += len(raw)
                if line := parse_line(raw.rstrip(b"\n")):
                    yield line
            if place is not None:
                place.inode, place.position = os.fstat(source.fileno()).st_ino, position


def tail_lines(path: Path, count: int) -> list[LogLine]:
    """The last ``count`` whole lines, reading no more of the files than needed."""
    found: list[LogLine] = []
    whole = 0
    for file in reversed(rotated_files(path)):
        for raw in _backwards(file):
            line = parse_line(raw)
            if line is None:
                continue
            if not line.partial or not found:  # the very last need not have a newline
                whole += 1
                if whole > count:
                    return found[::-1]
            found.append(line)
    return found[::-1]


def _backwards(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        position = source.seek(0, 2)
        rest = b""
        while position > 0:
            size = min(_CHUNK, position)
            position -= size
            source.seek(position)
            *lines, last = (source.read(size) + rest).split(b"\n")[::-1]
            rest = last
            yield from (line for line in lines if line)
        if rest:
            yield rest


def log_tail(path: Path, *, lines: int, limit_bytes: int) -> str:
    """The end of a log as text, for termination messages."""
    text = b"".join(_render(line, timestamps=False) for line in tail_lines(path, lines))
    return text[-limit_bytes:].decode(errors="replace").strip()


def _render(line: LogLine, *, timestamps: bool) -> bytes:
    prefix = line.stamp.encode() + b" " if timestamps else b""
    return prefix + line.text + (b"" if line.partial else b"\n")


Pick = Callable[[LogLine], LogLine | None]
"""What becomes of a line of a log that several share; None for somebody else's."""


async def stream_log(
    path: Path,
    query: LogQuery,
    *,
    ended: Callable[[], Awaitable[bool]],
    pick: Pick | None = None,
) -> AsyncIterator[bytes]:
    """Yield the log as bytes in sizeable pieces, at most ``limit_bytes`` of them."""
    budget = query.limit_bytes
    async for lines in _stream(path, query, ended, pick):
        for piece in _pieces(lines, timestamps=query.timestamps):
            data = piece if budget is None else piece[:budget]
            yield data
            if budget is not None:
                budget -= len(data)
                if budget <= 0:
                    return


async def stream_lines(
    path: Path, query: LogQuery, *, ended: Callable[[], Awaitable[bool]]
) -> AsyncIterator[LogLine]:
    """Yield the lines asked for; with ``follow`` until ``ended()`` and all is read."""
    async for lines in _stream(path, query, ended, None):
        for line in lines:
            yield line


async def _stream(
    path: Path, query: LogQuery, ended: Callable[[], Awaitable[bool]], pick: Pick | None
) -> AsyncIterator[Iterable[LogLine]]:
    """What there is, then what is appended; each is to be used up before the next is asked for."""
    place = _Place.at_end_of(path)
    if query.tail_lines is None:
        lines: Iterable[LogLine] = _picked(read_lines(path, place if query.follow else None), pick)
    elif pick is None:
        lines = tail_lines(path, query.tail_lines)
    else:
        lines = deque(_picked(read_lines(path), pick), query.tail_lines)
    since = query.since
    yield lines if since is None else (line for line in lines if _is_after(line, since))
    if not query.follow:
        return
    while True:
        over = await ended()
        if found := [line for raw in place.read() if (line := parse_line(raw))]:
            yield _picked(found, pick)
        if over:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _picked(lines: Iterable[LogLine], pick: Pick | None) -> Iterable[LogLine]:
    return lines if pick is None else (kept for line in lines if (kept := pick(line)) is not None)


def _pieces(lines: Iterable[LogLine], *, timestamps: bool) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += _render(line, timestamps=timestamps)
        if len(piece) >= _CHUNK:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _is_after(line: LogLine, since: datetime) -> bool:
    # Nanoseconds are more than datetime can hold: microseconds decide.
    stamp = line.stamp.rstrip("Z")
    head, _, fraction = stamp.partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}+00:00") >= since


@dataclass(slots=True)
class _Place:
    """How far a growing log was read, across rotations.

    The file is polled: its writer is another process, and a tenth of a second is below what a
    person sees.
    """

    path: Path
    inode: int = 0
    position: int = 0
    rest: bytes = b""

    @classmethod
    def at_end_of(cls, path: Path) -> _Place:
        """Where the log ends now."""
        try:
            stat = path.stat()
        except FileNotFoundError:
            return cls(path)
        return cls(path, stat.st_ino, stat.st_size)

    def read(self) -> list[bytes]:
        """Return the lines that were completed since."""
        fresh = b""
        for file in self._unread():
            try:
                with file.open("rb") as source:
                    inode = os.fstat(source.fileno()).st_ino
                    source.seek(self.position if inode == self.inode else 0)
                    fresh += source.read()
                    self.inode, self.position = inode, source.tell()
            except FileNotFoundError:
                continue  # rotated just now: the next time finds it under its new name
        *lines, self.rest = (self.rest + fresh).split(b"\n")
        return lines

    def _unread(self) -> list[Path]:
        """The file that was read last, under the name it has now, and those begun after it."""
        files = rotated_files(self.path)
        if not self.inode:
            return files
        inodes = [_inode(file) for file in files]
        return files[inodes.index(self.inode) :] if self.inode in inodes else files


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
