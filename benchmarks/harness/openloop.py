"""Requests at given times, whatever becomes of those before; and the line they would ideally form.

A client that waits for an answer before it asks again spares the server just when it is slow. This
one does not wait: every request goes out when it is due, over a kept connection that is free or
over a new one.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.http import Address


@dataclass(slots=True)
class Asked:
    """One request; times are ``time.perf_counter``."""

    due: float
    sent: float = 0.0
    ended: float = 0.0
    status: int = 0
    """0: no answer."""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """From the sending to the end of the answer."""
        return self.ended - self.sent


class _Connection(asyncio.Protocol):
    """One request at a time; an answer's end is told by its Content-Length."""

    def __init__(self) -> None:
        self._asked: Asked | None = None
        self._done: asyncio.Future[None] | None = None
        self._data = b""
        self._transport: asyncio.Transport | None = None
        self.usable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.usable = False
        self._finish()

    def send(self, request: bytes, asked: Asked) -> asyncio.Future[None]:
        """Ask; the future is done when it is over, answered or not."""
        assert self._transport is not None
        self._asked, self._data = asked, b""
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, blank, body = self._data.partition(b"\r\n\r\n")
        if not blank or self._asked is None:
            return
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)
        }
        if len(body) < int(headers.get("content-length", "0")):
            return
        self._asked.ended = time.perf_counter()
        self._asked.status, self._asked.headers = int(first.split()[1]), headers
        self._finish()

    def _finish(self) -> None:
        self._asked = None
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """Return times, from 0 on, of arrivals that know nothing of one another."""
    chance = random.Random(seed)
    times: list[float] = []
    now = chance.expovariate(rate)
    while now < seconds:
        times.append(now)
        now += chance.expovariate(rate)
    return times


async def ask_at(
    address: Address, host: str, times: Sequence[float], *, timeout: float = 60
) -> list[Asked]:
    """Send one request at each of ``times`` (seconds from now); returns when all are over."""
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    free: list[_Connection] = []
    begun = time.perf_counter()
    asked = [Asked(begun + at) for at in times]

    async def one(entry: Asked) -> None:
        connection = next((c for c in _popping(free) if c.usable), None)
        if connection is None:
            _, connection = await loop.create_connection(_Connection, *address)
        entry.sent = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                await connection.send(request, entry)
        except TimeoutError:
            connection.close()
            return
        free.append(connection)

    async with asyncio.TaskGroup() as group:
        for entry in asked:
            wait = entry.due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            group.create_task(one(entry))
    for connection in free:
        connection.close()
    return asked


def _popping(stack: list[_Connection]) -> list[_Connection]:
    taken = []
    while stack:
        taken.append(stack.pop())
        if taken[-1].usable:
            break
    return taken


def central_queue(
    arrivals: Sequence[float], services: Sequence[float], servers: int
) -> list[float]:
    """Seconds each request would take if one line fed all servers, at no cost at all.

    ``arrivals`` ascend; ``services`` are how long each one keeps its server.
    """
    free = [0.0] * servers
    result = []
    for arrival, service in zip(arrivals, services, strict=True):
        ended = max(arrival, heapq.heappop(free)) + service
        heapq.heappush(free, ended)
        result.append(ended - arrival)
    return result
