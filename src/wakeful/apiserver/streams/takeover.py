"""Leaving HTTP: the connection of a request, taken from the HTTP server as plain bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from wakeful.apimachinery.errors import BadRequestError, InternalServerError


class TakenOver(web.StreamResponse):
    """Stands for an answer that was given outside of HTTP; nothing is left to send."""

    def __init__(self) -> None:
        super().__init__(status=101)

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Do nothing."""
        del request

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing."""
        del data


class _Protocol(asyncio.StreamReaderProtocol):
    """Streams of the taken connection; the HTTP server still hears of its end."""

    def __init__(self, reader: asyncio.StreamReader, former: asyncio.BaseProtocol) -> None:
        super().__init__(reader, loop=asyncio.get_running_loop())
        self._former = former

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._former.connection_lost(exc)


def take_over(
    request: web.Request, protocol: str, headers: Mapping[str, str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Answer 101 and hand over the connection; it is the caller's to close.

    The client must not have sent anything beyond its request, which none does before the 101.

    Raises:
        BadRequestError: The client did not ask for this protocol.
        InternalServerError: The connection is gone.
    """
    if request.headers.get("Upgrade", "").lower() != protocol.lower():
        raise BadRequestError(
            f"Upgrade request required: {request.method} needs Upgrade: {protocol}"
        )
    transport = request.transport
    if transport is None:
        raise InternalServerError("the connection was lost")
    loop = asyncio.get_running_loop()
    former = transport.get_protocol()
    reader = asyncio.StreamReader(loop=loop)
    taker = _Protocol(reader, former)
    taker.connection_made(transport)
    transport.set_protocol(taker)
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", f"Upgrade: {protocol}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer = asyncio.StreamWriter(transport, taker, reader, loop)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer
