"""The servers behind the gateway meet requests that are none, or not what they say."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from wakeful.eventing.receiving import RefusedError, read_event
from wakeful.loopback import serving

LIMIT_BYTES = 100_000
EVENT = b"ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /s\r\nce-type: t\r\n"
STRUCTURED = b"Content-Type: application/cloudevents+json\r\n"


@dataclass
class Server:
    """One that takes events, and what it took."""

    port: int
    taken: list[bytes | None]

    async def ask(self, head: bytes, body: bytes = b"") -> tuple[int, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n" + body)
            start = await reader.readuntil(b"\r\n\r\n")
            return int(start.split(b" ")[1]), (await reader.read(4096)).decode()
        finally:
            writer.close()


@pytest.fixture
async def server(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Server]:
    """Whatever clients do, nothing in the log is an error."""
    taken: list[bytes | None] = []

    async def handle(request: web.Request) -> web.Response:
        try:
            taken.append((await read_event(request)).data)
        except RefusedError as error:
            return error.answer()
        return web.Response(status=202)

    async with serving(handle, limit_bytes=LIMIT_BYTES) as port:
        yield Server(port, taken)
    assert [each for each in caplog.records if each.levelno > logging.DEBUG] == []


def of_length(body: bytes) -> bytes:
    return b"Connection: close\r\nContent-Length: %d\r\n" % len(body)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br", b"zstd"])
async def test_bodies_are_taken_as_they_come(server: Server, coding: bytes) -> None:
    """As by Go's servers: a body is data, whether it has the encoding it declares or not."""
    for body in (b"{}", gzip.compress(b"{}")):
        head = EVENT + b"Content-Encoding: " + coding + b"\r\n" + of_length(body)
        assert await server.ask(head, body) == (202, "")
        assert server.taken.pop() == body


@pytest.mark.parametrize(
    ("head", "body", "status", "reason"),
    [
        (EVENT + b"Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n", 400, "chunk size"),
        (EVENT + b"Transfer-Encoding: chunked\r\n", b"2\r\n{}xx", 400, "chunk data"),
        (EVENT + b"Transfer-Encoding: gzip\r\n", b"{}", 400, "Transfer-Encoding"),
        (EVENT + b"Content-Length: -2\r\n", b"{}", 400, "Content-Length"),
        (EVENT + b"Content-Length: 2\r\nContent-Length: 3\r\n", b"{}", 400, "Content-Length"),
        (EVENT + b"Content-Length: 100001\r\n", b"", 413, "larger than 100000 bytes"),
        (STRUCTURED + of_length(b'"\xff"'), b'"\xff"', 400, "not valid UTF-8"),
        (EVENT + b"ce-x: \xff\r\n" + of_length(b""), b"", 400, "x: "),
        (b"X: " + b"a" * 70_000 + b"\r\n", b"", 400, "65536 bytes"),
        (b"".join(b"X%d: a\r\n" % n for n in range(1000)), b"", 400, "Too many headers"),
        (b"X\x00: a\r\n", b"", 400, "header token"),
        (EVENT + b"Expect: more\r\n" + of_length(b""), b"", 417, "more"),
    ],
)
async def test_what_is_wrong_is_refused_with_a_reason(
    server: Server, head: bytes, body: bytes, status: int, reason: str
) -> None:
    found, text = await server.ask(head, body)
    assert (found, reason in text) == (status, True), text
    assert server.taken == []


async def test_long_headers_are_read(server: Server) -> None:
    """As long as Envoy lets them through."""
    assert (await server.ask(EVENT + b"ce-x: " + b"a" * 50_000 + b"\r\n" + of_length(b"")))[
        0
    ] == 202


async def test_who_goes_away_is_no_error(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n" + EVENT + b"Content-Length: 9\r\n\r\n{}")
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert (await server.ask(EVENT + of_length(b"")))[0] == 202
    assert server.taken == [None]


async def test_faults_of_ours_are_errors(caplog: pytest.LogCaptureFixture) -> None:
    async def handle(request: web.Request) -> web.Response:
        raise ZeroDivisionError

    async with serving(handle, limit_bytes=10) as port:
        assert (await Server(port, []).ask(of_length(b"")))[0] == 500
    (record,) = (each for each in caplog.records if each.levelno == logging.ERROR)
    assert record.exc_info is not None
