"""Output of processes as log files in the CRI format, rotated by size.

``2026-01-01T00:00:00.000000000Z stdout F text``; ``P`` marks a piece of a line that goes on,
or that ended without a newline.
Rotated files are ``path.1`` (the youngest) to ``path.<max_files - 1>``.
"""

from __future__ import annotations

import os
import time

LINE_LIMIT_BYTES = 16 * 1024
"""Longer lines are cut into pieces."""


class Timestamps:
    """RFC 3339 with nanoseconds; formats each second once."""

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def at(self, now_ns: int) -> bytes:
        """Return the text for ``now_ns`` since 1970."""
        second, rest = divmod(now_ns, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._prefix}.{rest:09d}Z".encode()


class LogFile:
    """A log file being written; survives its directory's absence by making it."""

    def __init__(self, path: str, max_bytes: int, max_files: int) -> None:
        self.path = path
        self._max_bytes, self._max_files = max_bytes, max(1, max_files)
        self._fd = -1
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append whole lines, rotating first when they would not fit."""
        if self._fd >= 0 and self._size and self._size + len(data) > self._max_bytes:
            self._rotate()
        if self._fd < 0:
            self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self._size += len(data)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._fd = os.open(self.path, flags, 0o640)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), mode=0o750, exist_ok=True)
            self._fd = os.open(self.path, flags, 0o640)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._max_files - 1, 0, -1):
            older = f"{self.path}.{number}"
            newer = self.path if number == 1 else f"{self.path}.{number - 1}"
            try:
                os.replace(newer, older)
            except FileNotFoundError:
                continue
        if self._max_files == 1:
            os.unlink(self.path)

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._size = 0


class LineWriter:
    """One stream (stdout or stderr) on its way to a log file."""

    def __init__(self, file: LogFile, stream: str, stamps: Timestamps) -> None:
        self._file, self._stamps = file, stamps
        self._full = f" {stream} F ".encode()
        self._part = f" {stream} P ".encode()
        self._pending = b""

    def feed(self, chunk: bytes, now_ns: int) -> None:
        """Write the lines that ``chunk`` completes; keep the rest for later."""
        stamp = self._stamps.at(now_ns)
        full = stamp + self._full
        lines = (self._pending + chunk).split(b"\n")
        self._pending = lines.pop()
        out: list[bytes] = []
        for line in lines:
            if len(line) > LINE_LIMIT_BYTES:
                line = self._cut(line, stamp, out)
            out.append(full + line + b"\n")
        if len(self._pending) > LINE_LIMIT_BYTES:
            self._pending = self._cut(self._pending, stamp, out)
        if out:
            self._file.write(b"".join(out))

    def _cut(self, line: bytes, stamp: bytes, out: list[bytes]) -> bytes:
        part = stamp + self._part
        while len(line) > LINE_LIMIT_BYTES:
            out.append(part + line[:LINE_LIMIT_BYTES] + b"\n")
            line = line[LINE_LIMIT_BYTES:]
        return line

    def finish(self, now_ns: int) -> None:
        """Write what is left when the stream has ended without a newline: as a piece, since whoever
        wants the output byte for byte must not be given a newline that nobody wrote.
        """
        if self._pending:
            line, self._pending = self._pending, b""
            self._file.write(self._stamps.at(now_ns) + self._part + line + b"\n")
