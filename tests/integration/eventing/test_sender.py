"""The sender against real sockets, well behaved and otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from wakeful.eventing.delivery import (
    BackoffPolicy,
    NameTable,
    RetryPolicy,
    UnreachableError,
    open_sender,
)
from wakeful.testing.http import answering

NAMES = NameTable(("127.0.0.1", 1))
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(handler: Raw) -> AsyncIterator[str]:
    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_requests_share_a_connection_and_come_back_whole() -> None:
    peers: set[object] = set()

    async def echo(request: web.Request) -> web.StreamResponse:
        peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        answer = web.StreamResponse(status=201, headers={"X-Seen": request.headers["x-sent"]})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(request.path_qs.encode())
        await answer.write(await request.read())
        return answer

    async with answering(echo) as base, open_sender(NAMES) as sender:
        for number in range(3):
            body = bytes([number]) * 70_000
            answer = await sender.post(f"{base}/a?b=c", [("x-sent", str(number))], body)

            assert (answer.status, answer.header("x-seen")) == (201, str(number))
            assert answer.body == b"/a?b=c" + body
    assert len(peers) == 1


async def test_a_connection_closed_meanwhile_is_replaced() -> None:
    """Servers end kept connections when they like; that is no failed delivery."""
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        served += 1
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with raw_server(once) as base, open_sender(NAMES) as sender:
        statuses = [(await sender.post(base, [], b"")).status for _ in range(5)]
    assert (statuses, served) == ([204] * 5, 5)


async def test_an_answer_may_end_with_its_connection() -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        await writer.drain()

    async with raw_server(old) as base, open_sender(NAMES) as sender:
        answer = await sender.post(base, [], b"")
    assert (answer.status, answer.body) == (200, b"all of it")


async def test_half_an_answer_is_none() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        await writer.drain()

    async with raw_server(half) as base, open_sender(NAMES) as sender:
        with pytest.raises(UnreachableError, match="closed before the answer"):
            await sender.post(base, [], b"")


async def test_time_is_limited_and_nobody_listening_is_said() -> None:
    sent = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await sent.wait()

    async with open_sender(NAMES) as sender:
        async with raw_server(hang) as base:
            with pytest.raises(UnreachableError, match=r"no answer in 0\.05 s"):
                await sender.post(base, [], b"", timeout_seconds=0.05)
            sent.set()
        with pytest.raises(UnreachableError, match=r"connect to 127\.0\.0\.1:1"):
            await sender.post("http://hello.default.svc.cluster.local", [], b"")


async def test_headers_cannot_smuggle_others() -> None:
    async with open_sender(NAMES) as sender:
        with pytest.raises(ValueError, match="line break"):
            await sender.post("http://127.0.0.1:1", [("a", "b\r\nc: d")], b"")
        with pytest.raises(ValueError, match="not an absolute"):
            await sender.post("127.0.0.1", [], b"")
        with pytest.raises(UnreachableError, match='unsupported protocol scheme "ftp"'):
            await sender.post("ftp://127.0.0.1", [], b"")


async def test_delivery_goes_on_until_it_is_taken() -> None:
    answers = [503, 500, 202]

    async def flaky(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=answers.pop(0))

    policy = RetryPolicy(5, BackoffPolicy.EXPONENTIAL, 0.001)
    async with answering(flaky) as base, open_sender(NAMES) as sender:
        outcome, _response, attempts = await sender.deliver(base, [], b"x", policy)
    assert (outcome.status, attempts) == (202, 3)
