"""One HTTP/1.1 connection to a destination, made for many small requests.

The event path sends one request after another to the same few places; a connection here costs a
fifth of what a general client spends on a request, which is what bounds events per second.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

import httptools

from wakeful.eventing.delivery.names import Address

_LIMIT_BYTES = 8 * 1024 * 1024
"""Longest answer that is read; events are limited to less on their way in."""

Headers = list[tuple[str, str]]


class UnreachableError(OSError):
    """There was no (whole) answer: nobody listens, the connection broke, time was up."""


class StaleConnectionError(UnreachableError):
    """The other side closed a kept connection before it saw the request."""


@dataclass(slots=True)
class Response:
    """A whole answer. Header names are in lower case."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, or nothing."""
        return next((value for key, value in self.headers if key == name), "")


class Connection(asyncio.Protocol):
    """Sends a request, reads the answer; one at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self._response = Response(0)
        self._chunks: list[bytes] = []
        self._size = 0
        self._until_close = False
        self._heard = False
        self._requests = 0
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> asyncio.Future[Response]:
        """Write a whole request; the future is done when the whole answer is here.

        Its exception is an :class:`UnreachableError`; cancelling it makes the connection unusable.
        """
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._response = Response(0)
        self._chunks, self._size = [], 0
        self._until_close = self._heard = False
        self._requests += 1
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting = future
        self._transport.write(data)
        return future

    def give_up(self, why: str) -> None:
        """Stop waiting for the answer."""
        self._fail(UnreachableError(why))
        self.close()

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape only

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        if self._waiting is None or self._parser is None:
            self.close()  # nobody asked
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(UnreachableError(f"answer is not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._until_close and exc is None:
            self._finish()
        kind = StaleConnectionError if self._requests > 1 and not self._heard else UnreachableError
        self._fail(kind(f"connection closed before the answer{f': {exc}' if exc else ''}"))
        self._transport = None

    # --- the parser ---------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the answer."""
        self._response.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Status and framing are known."""
        assert self._parser is not None
        self._response.status = self._parser.get_status_code()
        framed = any(
            n in ("content-length", "transfer-encoding") for n, _ in self._response.headers
        )
        self._until_close = not framed and self._response.status not in (204, 304)

    def on_body(self, body: bytes) -> None:
        """A piece of the answer."""
        self._size += len(body)
        if self._size > _LIMIT_BYTES:
            self._fail(UnreachableError(f"answer exceeds {_LIMIT_BYTES} bytes"))
            self.close()
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole; informational ones are not the answer."""
        if 100 <= self._response.status < 200:
            self._response = Response(0)
            return
        assert self._parser is not None
        keep = self._parser.should_keep_alive()
        self._finish()
        if not keep and self._transport is not None:
            self._transport.close()

    def _finish(self) -> None:
        self._until_close = False
        self._response.body = b"".join(self._chunks)
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(self._response)

    def _fail(self, error: UnreachableError) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


async def connect(
    address: Address, *, tls: ssl.SSLContext | None, server_name: str, seconds: float
) -> Connection:
    """Open a connection.

    Raises:
        UnreachableError: Nobody answers there in time, or its certificate is not trusted.
    """
    loop = asyncio.get_running_loop()
    host, port = address
    try:
        async with asyncio.timeout(seconds):
            _, connection = await loop.create_connection(
                Connection, host, port, ssl=tls, server_hostname=server_name if tls else None
            )
    except TimeoutError:
        raise UnreachableError(f"connect to {host}:{port}: timed out") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreachableError(f"connect to {host}:{port}: {reason}") from error
    return connection
