"""A small HTTP/1.1 server for the ingress: whole requests in, short answers out.

Every event passes here once, so the time this takes is time of every event; a general server costs
several times as much. What it does not know (upgrades, trailers, HTTP/2) Envoy in front of it does.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import httptools
import orjson

MAX_BODY_BYTES = 4 * 1024 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_MAX_QUEUED = 32
"""Requests of one connection that wait for those before them; then reading pauses."""
_IDLE_SECONDS = 120.0
_LINGER_SECONDS = 2.0

Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """A whole request; header names are in lower case."""

    method: str
    target: str
    headers: Pairs
    body: bytes
    keep_alive: bool
    refused: int = 0
    """A status that the server itself answers."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Handler = Callable[[Request], Awaitable[Reply]]

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LIMITS: dict[int, str] = {
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: f"the headers have over {_MAX_HEAD_BYTES} bytes",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"the body has over {MAX_BODY_BYTES} bytes",
}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def encode_reply(reply: Reply, *, keep_alive: bool) -> bytes:
    """The bytes of an answer."""
    lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if reply.body:
        lines.append("content-type: application/json")
    if not keep_alive:
        lines.append("connection: close")
    lines.append(f"content-length: {len(reply.body)}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1") + reply.body


_ACCEPTED = encode_reply(Reply(HTTPStatus.ACCEPTED), keep_alive=True)


@functools.lru_cache(maxsize=1024)
def _header_name(name: bytes) -> str:
    return name.decode("latin-1").lower()


class _Connection(asyncio.Protocol):
    """One client: requests are answered in their order."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._reset()
        self._refusing = False
        self.last_heard = 0.0

    def _reset(self) -> None:
        self._target = b""
        self._headers: Pairs = []
        self._chunks: list[bytes] = []
        self._size = self._head_size = 0
        self._refused = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is read or answered now."""
        return self._task is None and not self._headers and not self._target

    # --- asyncio ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape only
        self._server.connections.add(self)
        self.last_heard = asyncio.get_running_loop().time()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; what is being stored is stored anyway."""
        self._server.connections.discard(self)
        self._transport = None
        self._queue.clear()

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self.last_heard = self._server.now()
        if self._refusing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse_and_close(HTTPStatus.NOT_IMPLEMENTED, "no other protocol is spoken here")
        except httptools.HttpParserError as error:
            self._refuse_and_close(HTTPStatus.BAD_REQUEST, f"this is no HTTP request: {error}")

    # --- the parser ---------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((_header_name(name), value.decode("latin-1")))
        self._count_head(len(name) + len(value))

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _MAX_HEAD_BYTES and not self._refused:
            self._refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    def on_headers_complete(self) -> None:
        """The body follows."""
        for name, value in self._headers:
            if name == "expect" and value.lower() == "100-continue" and not self._refused:
                if self._transport is not None:
                    self._transport.write(_CONTINUE)
            elif name == "content-length" and value.isdigit() and int(value) > MAX_BODY_BYTES:
                self._refused = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if self._refused:
            self._refuse_and_close(self._refused, _LIMITS[self._refused])

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._size += len(body)
        if self._size > MAX_BODY_BYTES:
            self._chunks.clear()
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._refuse_and_close(status, _LIMITS[status])
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self._refusing:
            return
        parser = self._parser
        request = Request(
            parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._headers,
            self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks),
            parser.should_keep_alive(),
            self._refused,
        )
        self._reset()
        self._queue.append(request)
        if self._task is None:
            self._task = self._server.spawn(self._answer_all())
        elif len(self._queue) >= _MAX_QUEUED and self._transport is not None:
            self._transport.pause_reading()

    # --- answering ----------------------------------------------------------------------------

    async def _answer_all(self) -> None:
        try:
            while self._queue:
                request = self._queue.popleft()
                reply = await self._server.handler(request)
                transport = self._transport
                if transport is None:
                    return
                keep = request.keep_alive and not self._server.draining
                if reply.status == HTTPStatus.ACCEPTED and keep and not reply.headers:
                    transport.write(_ACCEPTED)
                else:
                    transport.write(encode_reply(reply, keep_alive=keep))
                if not keep:
                    transport.close()
                    return
                if len(self._queue) < _MAX_QUEUED:
                    transport.resume_reading()
        finally:
            self._task = None

    def _refuse_and_close(self, status: int, why: str) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._refusing:
            return
        self._refusing = True
        body = orjson.dumps({"error": why})
        transport.write(encode_reply(Reply(status, body=body), keep_alive=False))
        # Closing while the client still sends would reset the connection before it reads this.
        if transport.can_write_eof():
            transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, transport.close)

    def close_if_idle(self, since: float) -> None:
        """Close when nothing happens and nothing was heard after ``since``."""
        if self._transport is not None and self.last_heard < since and self._task is None:
            self._transport.close()

    def close(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.close()


@dataclass(slots=True)
class HttpServer:
    """Serves a listening socket until drained."""

    handler: Handler
    connections: set[_Connection] = field(default_factory=set)
    draining: bool = False
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def now(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run the answering of one connection; waited for when draining."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, sock: socket.socket, draining: asyncio.Event, grace_seconds: float) -> None:
        """Accept until ``draining``; then finish what was begun."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self), sock=sock, backlog=1024)
        try:
            while not draining.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_SECONDS / 4):
                        await draining.wait()
                for connection in list(self.connections):
                    connection.close_if_idle(loop.time() - _IDLE_SECONDS)
        finally:
            self.draining = True
            server.close()
            for connection in list(self.connections):
                if connection.idle:
                    connection.close()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=grace_seconds)
            for connection in list(self.connections):
                connection.close()
