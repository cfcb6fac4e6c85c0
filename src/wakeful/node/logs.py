"""Reading container logs: the CRI format on disk, as lines, from the end, and as they grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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


def read_lines(path: Path) -> Iterator[LogLine]:
    """Every line of one run, oldest first."""
    for file in rotated_files(path):
        with file.open("rb") as source:
            for raw in source:
                if line := parse_line(raw.rstrip(b"\n")):
                    yield line


def tail_lines(path: Path, count: int) -> list[LogLine]:
    """The last ``count`` whole lines, reading no more of the files than needed."""
    found: list[LogLine] = []
    whole = 0
    for file in reversed(rotated_files(path)):
        for raw in _backwards(file):
            line = parse_line(raw)
            if line is None:
                continue
            if not line.partial:
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


async def stream_lines(
    path: Path, query: LogQuery, *, ended: Callable[[], Awaitable[bool]]
) -> AsyncIterator[LogLine]:
    """Yield the lines asked for; with ``follow`` until ``ended()`` and all is read."""
    position, inode = 0, 0
    if path.exists():
        stat = path.stat()
        position, inode = stat.st_size, stat.st_ino
    if query.tail_lines is None:
        lines = read_lines(path)
    else:
        lines = iter(tail_lines(path, query.tail_lines))
    for line in lines:
        if query.since is None or _is_after(line, query.since):
            yield line
    if query.follow:
        async for line in _follow(path, position, inode, ended):
            yield line


async def stream_log(
    path: Path, query: LogQuery, *, ended: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Yield the log as bytes, at most ``limit_bytes`` of them."""
    budget = query.limit_bytes
    async for line in stream_lines(path, query, ended=ended):
        data = _render(line, timestamps=query.timestamps)
        if budget is not None:
            data = data[:budget]
            budget -= len(data)
        yield data
        if budget == 0:
            return


def _is_after(line: LogLine, since: datetime) -> bool:
    # Nanoseconds are more than datetime can hold: microseconds decide.
    stamp = line.stamp.rstrip("Z")
    head, _, fraction = stamp.partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}+00:00") >= since


async def _follow(
    path: Path, position: int, inode: int, ended: Callable[[], Awaitable[bool]]
) -> AsyncIterator[LogLine]:
    """Yield what is appended after ``position``, across rotations.

    The file is polled: its writer is another process, and a tenth of a second is below what a
    person sees.
    """
    rest = b""
    while True:
        over = await ended()
        if path.exists():
            with path.open("rb") as source:
                now = path.stat().st_ino
                if now != inode:
                    rotated = path.with_name(path.name + ".1")
                    if inode and rotated.exists() and rotated.stat().st_ino == inode:
                        with rotated.open("rb") as old:
                            old.seek(position)
                            rest += old.read()
                    position, inode = 0, now
                source.seek(position)
                fresh = source.read()
                position += len(fresh)
            *lines, rest = (rest + fresh).split(b"\n")
            for raw in lines:
                if line := parse_line(raw):
                    yield line
        if over:
            return
        await asyncio.sleep(_POLL_SECONDS)
