"""The ingress's own HTTP server, given bytes that are no requests."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import orjson
import pytest

from wakeful.eventing.ingress.http import MAX_BODY_BYTES, HttpServer, Reply, Request


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def handle(request: Request) -> Reply:
        return Reply(202)

    listener = socket.create_server(("127.0.0.1", 0))
    draining = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(HttpServer(handle).run(listener, draining, 5))
        yield listener.getsockname()[1]
        draining.set()


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"NONSENSE\r\n\r\n", 400, "no HTTP request: "),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunk size"),
        (b"POST / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431, "over 65536 bytes"),
        (
            b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
            413,
            f"over {MAX_BODY_BYTES} bytes",
        ),
    ],
)
async def test_what_is_wrong_is_refused_with_a_reason(
    port: int, raw: bytes, status: int, reason: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()

    assert int(head.split(b" ")[1]) == status
    assert reason in orjson.loads(body)["error"]
