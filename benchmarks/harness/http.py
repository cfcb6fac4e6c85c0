"""Clients that do little more than look at the clock."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; 0 as status means that there was none."""

    status: int
    seconds: float
    """Until the first byte."""
    ended: float = 0.0
    """``time.perf_counter`` at the end of the answer."""


def request_bytes(host: str, path: str = "/") -> bytes:
    """Return a GET that ends its connection."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode()


def first_byte(address: Address, host: str, *, timeout: float = 60) -> Answer:
    """Ask once over a new connection; blocks, so that nothing is between us and the answer."""
    begun = time.perf_counter()
    with socket.create_connection(address, timeout=timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request_bytes(host))
        data = connection.recv(65536)
        took = time.perf_counter() - begun
        while chunk := connection.recv(65536):
            data += chunk
    return Answer(_status(data), took, time.perf_counter())


async def ask(address: Address, host: str, *, timeout: float = 120) -> Answer:
    """Ask once over a new connection, beside others."""
    begun = time.perf_counter()
    took = 0.0
    data = b""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(request_bytes(host))
                while chunk := await reader.read(65536):
                    took = took or time.perf_counter() - begun
                    data += chunk
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return Answer(0, time.perf_counter() - begun, time.perf_counter())
    return Answer(_status(data), took, time.perf_counter())


def _status(data: bytes) -> int:
    try:
        return int(data.split(b" ", 2)[1])
    except (IndexError, ValueError):
        return 0


def until_listening(address: Address, *, timeout: float = 10, every: float = 0.0002) -> float:
    """Try to connect until somebody accepts; return the time when that was."""
    deadline = time.perf_counter() + timeout
    while True:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(address) == 0:
                return time.perf_counter()
        if time.perf_counter() > deadline:
            raise TimeoutError(f"nobody listens on {address}")
        time.sleep(every)
