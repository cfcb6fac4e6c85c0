"""A small HTTP/1.1 server: a thread for each connection, ends gently when told to.

The standard library's own server takes longer to import than these programs take to start.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

_MAX_LINE = 65536
_MAX_BODY = 64 * 1024 * 1024
_MAX_HEADERS = 256
_DRAIN_SECONDS = 10.0
_LINGER_SECONDS = 2.0
_REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 413: "Too Large"}
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")


class Request:
    """What was asked; header names are lower-case."""

    __slots__ = ("body", "headers", "method", "target")

    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.target, self.headers, self.body = method, target, headers, body

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


class Response:
    """What to answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.status, self.body, self.headers = status, body, headers or {}


class _BadRequestError(Exception):
    """The bytes are no request; ``status`` says how bad."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Server:
    def __init__(self, handler: Callable[[Request], Response], port: int) -> None:
        self._handler = handler
        self._listener = socket.create_server(("", port), backlog=1024)
        self._draining = threading.Event()
        self._idle = threading.Condition()
        self._busy = 0

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._drain)
        signal.signal(signal.SIGINT, self._drain)
        while not self._draining.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, _DRAIN_SECONDS)

    def _drain(self, *_: object) -> None:
        self._draining.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._draining.is_set() and self._one(connection, stream):
                pass

    def _one(self, connection: socket.socket, stream: BinaryIO) -> bool:
        """Answer one request; whether there may be another."""
        try:
            request = _read(connection, stream)
        except _BadRequestError as error:
            _send(connection, Response(error.status, f"{error}\n".encode()), close=True)
            _linger(connection)
            return False
        if request is None:
            return False
        with self._counted():
            try:
                response = self._handler(request)
            except Exception as error:  # noqa: BLE001 - the caller shall hear of it, whatever it is
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                response = Response(500, f"{error}\n".encode())
            close = self._draining.is_set() or "close" in request.headers.get("connection", "")
            _send(connection, response, close=close)
        return not close

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._busy += 1
        try:
            yield
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()


def serve(handler: Callable[[Request], Response]) -> None:
    """Serve on ``$PORT`` (8080 if unset) until SIGTERM; what is being answered is finished."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    _Server(handler, int(os.environ.get("PORT") or "8080")).run()


def _line(stream: BinaryIO) -> str:
    line = stream.readline(_MAX_LINE)
    if len(line) == _MAX_LINE:
        raise _BadRequestError(400, "a line is too long")
    return line.decode("latin-1").rstrip("\r\n")


def _read(connection: socket.socket, stream: BinaryIO) -> Request | None:
    first = _line(stream)
    if not first:
        return None
    parts = first.split(" ")
    if len(parts) != 3:
        raise _BadRequestError(400, "no HTTP request")
    headers: dict[str, str] = {}
    while line := _line(stream):
        name, colon, value = line.partition(":")
        if not colon:
            raise _BadRequestError(400, "a header has no colon")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > _MAX_HEADERS:
            raise _BadRequestError(431, "there are too many headers")
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(parts[0], parts[1], headers, _body(stream, headers))


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if coding := headers.get("transfer-encoding", "").lower():
        if coding != "chunked":
            raise _BadRequestError(400, f"the transfer encoding is not known: {coding}")
        return b"".join(_chunks(stream))
    return _piece(stream, _size(headers.get("content-length", "0"), 10, "Content-Length"))


def _size(text: str, base: int, subject: str) -> int:
    if not text or not set(text) <= (_DIGITS if base == 10 else _HEX_DIGITS):
        raise _BadRequestError(400, f"{subject} is no number: {text}")
    if len(text.lstrip("0")) > len(str(_MAX_BODY)) or (size := int(text, base)) > _MAX_BODY:
        raise _BadRequestError(413, "the body is too large")
    return size


def _piece(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise _BadRequestError(400, "the body ends early")
    return data


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    total = 0
    while True:
        size = _size(_line(stream).partition(";")[0].strip(), 16, "the size of a chunk")
        total += size
        if total > _MAX_BODY:
            raise _BadRequestError(413, "the body is too large")
        if size:
            yield _piece(stream, size)
            if _line(stream):
                raise _BadRequestError(400, "a chunk is longer than it says")
            continue
        while _line(stream):
            pass
        return


def _linger(connection: socket.socket) -> None:
    """Let the sender read the answer: closing while it still sends would take that away."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(_LINGER_SECONDS)
    left = _MAX_BODY
    while left > 0 and (data := connection.recv(65536)):
        left -= len(data)


def _send(connection: socket.socket, response: Response, *, close: bool) -> None:
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.status != 204:
        lines.append(f"content-length: {len(response.body)}")
    if close:
        lines.append("connection: close")
    connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body)
