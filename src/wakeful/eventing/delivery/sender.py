"""Posting to the URLs of subscribers, sinks, replies and dead letter sinks: the one place."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from wakeful.aio import Clock, SystemClock
from wakeful.eventing.delivery.connection import (
    Connection,
    Response,
    StaleConnectionError,
    UnreachableError,
    connect,
)
from wakeful.eventing.delivery.names import NoEndpointsError, Resolver
from wakeful.eventing.delivery.policy import Outcome, RetryPolicy, next_retry

_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 15.0
"""Shorter than the time after which common servers close a kept connection."""
_MOST_IDLE = 256
_SWEEP_SECONDS = 1.0
_COARSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Destination:
    """A parsed URL, ready to be sent to."""

    url: str
    host: str
    port: int
    tls: bool
    authority: str
    """Value of the Host header."""
    target: str
    """Path and query."""
    ca_certs: str = ""
    """PEM certificates to trust in addition to the system's."""


@functools.lru_cache(maxsize=8192)
def parse_destination(url: str, ca_certs: str = "") -> Destination:
    """Split a URL once.

    Raises:
        ValueError: It is not an absolute URL.
        UnreachableError: Its scheme is neither http nor https.
    """
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        raise ValueError(f"URL {url!r} is not an absolute URL")
    if parts.scheme not in ("http", "https"):
        raise UnreachableError(f'POST {url}: unsupported protocol scheme "{parts.scheme}"')
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    authority = parts.netloc.rpartition("@")[2]
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    if any(ord(c) <= 32 or ord(c) > 126 for c in target + authority):
        raise ValueError(f"URL {url!r} has characters that must be percent-encoded")
    return Destination(url, parts.hostname, port, tls, authority, target, ca_certs)


class Sender:
    """Posts over kept connections; resolves names of the cluster through a :class:`Resolver`.

    ::

        async with open_sender(names) as sender:
            answer = await sender.post(url, headers, body, timeout_seconds=10)

    One per process and event loop. Redirects are answers like any other: never followed.
    """

    def __init__(self, names: Resolver, clock: Clock | None = None) -> None:
        self.names = names
        """May be replaced at any time; the next request uses it."""
        self._clock = clock or SystemClock()
        self._idle: dict[tuple[str, int, str, str], deque[Connection]] = {}
        self._limited: dict[Connection, float] = {}

    async def post(
        self,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        timeout_seconds: float | None = None,
        ca_certs: str = "",
    ) -> Response:
        """Send once and return the answer, whatever its status.

        ``headers`` are sent as they are; Host, Content-Length and the framing are added.

        Raises:
            UnreachableError: No answer; its text says why.
            ValueError: The URL or a header cannot be sent.
        """
        to = parse_destination(url, ca_certs)
        request = _encode(to, headers, body)
        if timeout_seconds is None:
            return await self._exchange(to, request, None)
        if timeout_seconds >= _COARSE_SECONDS:  # the sweeper is precise enough, and costs nothing
            deadline = self._clock.monotonic() + timeout_seconds
            return await self._exchange(to, request, deadline)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._exchange(to, request, None)
        except TimeoutError:
            raise UnreachableError(f"POST {url}: no answer in {timeout_seconds:g} s") from None

    async def deliver(
        self,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        policy: RetryPolicy,
        *,
        ca_certs: str = "",
    ) -> tuple[Outcome, Response | None, int]:
        """Send until it is taken or the policy is exhausted; return how it ended and the attempts.

        Waits in this process: for senders that keep nothing, such as sources.
        """
        headers = list(headers)
        attempts = 0
        while True:
            attempts += 1
            response: Response | None = None
            try:
                response = await self.post(
                    url, headers, body, timeout_seconds=policy.timeout_seconds, ca_certs=ca_certs
                )
            except UnreachableError as error:
                outcome = Outcome(None, str(error))
            else:
                outcome = Outcome(response.status, retry_after=response.header("retry-after"))
            if outcome.delivered:
                return outcome, response, attempts
            wait = next_retry(policy, attempts, outcome, self._clock.now())
            if wait is None:
                return outcome, response, attempts
            await self._clock.sleep(wait)

    async def _exchange(self, to: Destination, request: bytes, deadline: float | None) -> Response:
        try:
            host, port = self.names.resolve(to.host, to.port)
        except NoEndpointsError as error:
            raise UnreachableError(str(error)) from error
        key = (host, port, to.host if to.tls else "", to.ca_certs)
        while (kept := self._take(key)) is not None:
            # A kept connection may be closed by the other side just now: then take another one.
            with suppress(StaleConnectionError):
                return await self._on(key, kept, request, deadline)
        tls = _context(to.ca_certs) if to.tls else None
        fresh = await connect((host, port), tls=tls, server_name=to.host, seconds=_CONNECT_SECONDS)
        return await self._on(key, fresh, request, deadline)

    async def _on(
        self,
        key: tuple[str, int, str, str],
        connection: Connection,
        request: bytes,
        deadline: float | None,
    ) -> Response:
        if deadline is not None:
            self._limited[connection] = deadline
        try:
            response = await connection.send(request)
        except BaseException:
            connection.close()  # cancelled in the middle, too
            raise
        finally:
            if deadline is not None:
                self._limited.pop(connection, None)
        if connection.usable:
            connection.idle_since = self._clock.monotonic()
            kept = self._idle.setdefault(key, deque())
            if len(kept) < _MOST_IDLE:
                kept.append(connection)
            else:
                connection.close()
        return response

    def _take(self, key: tuple[str, int, str, str]) -> Connection | None:
        kept = self._idle.get(key)
        oldest = self._clock.monotonic() - _IDLE_SECONDS
        while kept:
            connection = kept.pop()
            if connection.usable and connection.idle_since >= oldest:
                return connection
            connection.close()
        return None

    def sweep(self) -> None:
        """Close connections that nobody used for a while, or that answer too late."""
        now = self._clock.monotonic()
        for connection, deadline in list(self._limited.items()):
            if deadline <= now:
                connection.give_up("no answer in time")
        oldest = self._clock.monotonic() - _IDLE_SECONDS
        for key, kept in list(self._idle.items()):
            while kept and (kept[0].idle_since < oldest or not kept[0].usable):
                kept.popleft().close()
            if not kept:
                del self._idle[key]

    def close(self) -> None:
        """Close all kept connections."""
        for kept in self._idle.values():
            for connection in kept:
                connection.close()
        self._idle.clear()

    async def run_sweeper(self) -> None:
        """Sweep from time to time until cancelled."""
        while True:
            await self._clock.sleep(_SWEEP_SECONDS)
            self.sweep()


@asynccontextmanager
async def open_sender(names: Resolver, clock: Clock | None = None) -> AsyncIterator[Sender]:
    """A sender whose idle connections are looked after while the context lasts."""
    sender = Sender(names, clock)
    sweeper = asyncio.create_task(sender.run_sweeper(), name="eventing:sender")
    try:
        yield sender
    finally:
        sweeper.cancel()
        sender.close()
        await asyncio.wait([sweeper])


def _encode(to: Destination, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    lines = [f"POST {to.target} HTTP/1.1\r\nhost: {to.authority}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"content-length: {len(body)}\r\n\r\n")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) + 2:
        raise ValueError("a header has a line break")
    return head.encode("latin-1") + body


@functools.lru_cache(maxsize=64)
def _context(ca_certs: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_certs:
        context.load_verify_locations(cadata=ca_certs)
    return context
