"""Port-forward: pairs of streams, one for the bytes of a connection, one for what goes wrong."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apiserver.protocols import ByteStream, PodRef
from wakeful.apiserver.streams.spdy import SPDYConnection, SPDYStream

log = structlog.get_logger("wakeful.apiserver.streams")

PROTOCOL = "portforward.k8s.io"
WEBSOCKET_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
_CHUNK = 32 * 1024


class Dialer(Protocol):
    """Opens connections into pods."""

    def connect(self, pod: PodRef, port: int) -> AbstractAsyncContextManager[ByteStream]:
        """Open a TCP connection to a port of the pod."""
        ...


async def serve_forwards(connection: SPDYConnection, pod: PodRef, dialer: Dialer) -> None:
    """Forward every connection the client opens, until it goes away."""
    waiting: dict[str, SPDYStream] = {}
    async with asyncio.TaskGroup() as group:
        while (stream := await connection.accept()) is not None:
            kind = stream.headers.get("streamtype", "")
            request = stream.headers.get("requestid") or str(stream.id - stream.id % 4)
            if kind not in ("data", "error"):
                await stream.reset()
                continue
            partner = waiting.pop(request, None)
            if partner is None:
                waiting[request] = stream
                continue
            data, error = (stream, partner) if kind == "data" else (partner, stream)
            group.create_task(_forward(data, error, pod, dialer), name=f"forward:{request}")


async def _forward(data: SPDYStream, error: SPDYStream, pod: PodRef, dialer: Dialer) -> None:
    port = data.headers.get("port", "")
    try:
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"{port!r} is not a port")  # noqa: TRY301 - reported like the others
        async with dialer.connect(pod, int(port)) as target:
            await _exchange(data, target)
    except (APIStatusError, OSError, ValueError) as err:
        text = f"error forwarding port {port} to pod {pod.uid}, uid : {err}"
        log.debug("forwarding failed", pod=str(pod), port=port, error=str(err))
        await error.write(text.encode())
        await error.close()
        await data.reset()
        return
    await data.close()
    await error.close()


async def _exchange(data: SPDYStream, target: ByteStream) -> None:
    """Pass bytes both ways; over when the pod has ended its half, or the client has cut both."""

    async def outwards() -> None:
        while chunk := await target.read(_CHUNK):
            await data.write(chunk)

    async def inwards(other: asyncio.Task[None]) -> None:
        try:
            while chunk := await data.read():
                await target.write(chunk)
            await target.write_eof()
        except OSError as err:
            log.debug("the pod reads no more", error=str(err))
        if data.is_reset:
            other.cancel()

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(outwards(), name="forward:outwards")
        receiving = group.create_task(inwards(sending), name="forward:inwards")
        await asyncio.wait([sending])
        receiving.cancel()
