"""Exec and attach over WebSocket: ``v5.channel.k8s.io``, a byte of channel before each message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apiserver.protocols import Channel

PROTOCOL = "v5.channel.k8s.io"
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_WAITING_MESSAGES = 64


def is_websocket(request: web.Request) -> bool:
    """Whether the client asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


def offered_protocols(request: web.Request) -> list[str]:
    """Subprotocols the client offers."""
    offered = request.headers.getall("Sec-WebSocket-Protocol", [])
    return [name.strip() for line in offered for name in line.split(",")]


class WebSocketChannels:
    """The client's end of exec and attach over a WebSocket.

    :meth:`receive` has to be running for anything to arrive.
    """

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._stdin: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING_MESSAGES)
        self._sizes: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

    @classmethod
    async def open(cls, request: web.Request) -> WebSocketChannels:
        """Accept the handshake.

        Raises:
            BadRequestError: The client speaks no protocol we do; kubectl then tries SPDY.
        """
        offered = offered_protocols(request)
        if PROTOCOL not in offered:
            raise BadRequestError(
                f"unable to upgrade: client supports {offered}, server accepts ['{PROTOCOL}']"
            )
        socket = web.WebSocketResponse(protocols=(PROTOCOL,), compress=False, max_msg_size=0)
        await socket.prepare(request)
        return cls(socket)

    @property
    def response(self) -> web.StreamResponse:
        """What the HTTP server gets as the answer."""
        return self._socket

    async def receive(self) -> None:
        """Read until the client goes away."""
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], bytes(message.data[1:])
            if channel == STDIN and data:
                await self._stdin.put(data)
            elif channel == CLOSE and data[:1] == bytes([STDIN]):
                await self._stdin.put(None)
            elif channel == RESIZE:
                size = parse_size(data)
                if size is not None:
                    self._sizes.put_nowait(size)

    async def stdin(self) -> AsyncIterator[bytes]:
        """What the client sends to standard input, until it ends it."""
        while (data := await self._stdin.get()) is not None:
            yield data

    async def sizes(self) -> AsyncIterator[tuple[int, int]]:
        """Width and height of the client's terminal, whenever they change."""
        while True:
            yield await self._sizes.get()

    async def send(self, channel: Channel, data: bytes) -> None:
        """Pass output on; waits while the client does not read."""
        await self._socket.send_bytes(bytes([channel]) + data)

    async def finish(self, status: Mapping[str, Any]) -> None:
        """Send the Status, then close in order: without either, kubectl exits with 0 or noise."""
        await self._socket.send_bytes(bytes([ERROR]) + orjson.dumps(status))
        await self._socket.close()


def parse_size(data: bytes) -> tuple[int, int] | None:
    """Read ``{"Width": 99, "Height": 30}``."""
    try:
        size = orjson.loads(data)
        width, height = size["Width"], size["Height"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(width, int) or not isinstance(height, int):
        return None
    return (width, height) if 0 < width < 65536 and 0 < height < 65536 else None
