"""Framing on the Unix socket: a length, a count of file descriptors, JSON.

Requests carry ``id`` and ``op``; answers carry the same ``id`` and ``ok`` or ``error``; messages
with ``event`` come unasked to subscribers. Descriptors travel with the first byte of their message.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEADER = struct.Struct("!IH")
LIMIT_BYTES = 64 * 1024 * 1024
MAX_FDS = 250
"""The kernel passes at most 253 at once."""


class ProtocolError(Exception):
    """The peer does not speak this protocol."""


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Read a chunk and its descriptors, none of which a child may inherit.

    (``socket.recv_fds`` of Python 3.11 drops the flag that says so.)
    """
    data, ancillary, _, _ = sock.recvmsg(
        262144, socket.CMSG_SPACE(4 * MAX_FDS), socket.MSG_CMSG_CLOEXEC
    )
    fds: list[int] = []
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds += struct.unpack(f"={len(payload) // 4}i", payload[: len(payload) // 4 * 4])
    return data, fds


def encode(message: dict[str, Any], fd_count: int = 0) -> bytes:
    """Return the bytes of one message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return HEADER.pack(len(body), fd_count) + body


class Decoder:
    """Turn received chunks into messages; descriptors are handed out in the order they came."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._fds: deque[int] = deque()

    def feed(self, data: bytes, fds: list[int]) -> list[tuple[dict[str, Any], list[int]]]:
        """Take in one chunk and return the messages that are complete now."""
        self._buffer += data
        self._fds.extend(fds)
        done = []
        while len(self._buffer) >= HEADER.size:
            length, fd_count = HEADER.unpack_from(self._buffer)
            if length > LIMIT_BYTES:
                raise ProtocolError(f"message of {length} bytes is over the limit")
            end = HEADER.size + length
            if len(self._buffer) < end or len(self._fds) < fd_count:
                break
            try:
                message = json.loads(self._buffer[HEADER.size : end])
            except ValueError as error:
                raise ProtocolError(f"message is not JSON: {error}") from None
            if not isinstance(message, dict):
                raise ProtocolError("message is not an object")
            del self._buffer[:end]
            done.append((message, [self._fds.popleft() for _ in range(fd_count)]))
        return done

    def close(self) -> None:
        """Close descriptors that belong to no message."""
        while self._fds:
            os.close(self._fds.popleft())


class Sender:
    """Messages on their way to a non-blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._queue: deque[tuple[memoryview, list[int], bool]] = deque()
        self.queued_bytes = 0

    def push(
        self, message: dict[str, Any], fds: list[int] | None = None, *, own: bool = False
    ) -> None:
        """Queue a message; with ``own``, its descriptors are closed once sent."""
        data = encode(message, len(fds or ()))
        self._queue.append((memoryview(data), fds or [], own))
        self.queued_bytes += len(data)

    def flush(self) -> bool:
        """Send what the socket takes; return whether everything is gone."""
        while self._queue:
            data, fds, own = self._queue[0]
            try:
                sent = socket.send_fds(self._sock, [data], fds) if fds else self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                return False
            if own:
                for fd in fds:
                    os.close(fd)
            self.queued_bytes -= sent
            if sent < len(data):
                self._queue[0] = (data[sent:], [], False)
                return False
            self._queue.popleft()
        return True

    def close(self) -> None:
        """Drop what was not sent."""
        for _, fds, own in self._queue:
            if own:
                for fd in fds:
                    os.close(fd)
        self._queue.clear()
