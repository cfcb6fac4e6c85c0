"""Exec and attach over SPDY: ``v4.channel.k8s.io``, one stream for each channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apiserver.protocols import Channel, ExecOptions
from wakeful.apiserver.streams.spdy import SPDYConnection, SPDYStream
from wakeful.apiserver.streams.websocket import parse_size

UPGRADE = "SPDY/3.1"
PROTOCOL = "v4.channel.k8s.io"
PROTOCOL_HEADER = "X-Stream-Protocol-Version"
OPEN_SECONDS = 30.0
_OUTPUT = {1: "stdout", 2: "stderr"}


def negotiate(request: web.Request, spoken: str) -> dict[str, str]:
    """The header that names the protocol both sides speak.

    Raises:
        BadRequestError: The client does not offer it.
    """
    offered = [
        name.strip()
        for line in request.headers.getall(PROTOCOL_HEADER, [])
        for name in line.split(",")
    ]
    if spoken not in offered:
        raise BadRequestError(
            f"unable to upgrade: unable to negotiate protocol: client supports {offered}, server"
            f" accepts ['{spoken}']"
        )
    return {PROTOCOL_HEADER: spoken}


class SPDYChannels:
    """The client's end of exec and attach over SPDY."""

    def __init__(self, streams: Mapping[str, SPDYStream]) -> None:
        self._streams = streams

    @classmethod
    async def collect(cls, connection: SPDYConnection, options: ExecOptions) -> SPDYChannels | None:
        """Wait until the client has opened every stream; None when it left instead.

        Raises:
            TimeoutError: It took too long.
        """
        wanted = {"error"}
        wanted |= {"stdin"} if options.stdin else set()
        wanted |= {"stdout"} if options.stdout else set()
        wanted |= {"stderr"} if options.stderr else set()
        wanted |= {"resize"} if options.tty else set()
        streams: dict[str, SPDYStream] = {}
        async with asyncio.timeout(OPEN_SECONDS):
            while wanted - streams.keys():
                stream = await connection.accept()
                if stream is None:
                    return None
                streams[stream.headers.get("streamtype", "")] = stream
        return cls(streams)

    async def stdin(self) -> AsyncIterator[bytes]:
        """What the client sends to standard input, until it ends it."""
        stream = self._streams["stdin"]
        while data := await stream.read():
            yield data

    async def sizes(self) -> AsyncIterator[tuple[int, int]]:
        """Width and height of the client's terminal, whenever they change."""
        pending = b""
        stream = self._streams["resize"]
        while data := await stream.read():
            *lines, pending = (pending + data).split(b"\n")
            for line in [*lines, pending]:
                size = parse_size(line)
                if size is not None:
                    yield size

    async def send(self, channel: Channel, data: bytes) -> None:
        """Pass output on; waits while the client does not read."""
        stream = self._streams.get(_OUTPUT[channel])
        if stream is not None:
            await stream.write(data)

    async def finish(self, status: Mapping[str, Any]) -> None:
        """Send the Status and end our half of every stream."""
        await self._streams["error"].write(orjson.dumps(status))
        for stream in self._streams.values():
            await stream.close()
