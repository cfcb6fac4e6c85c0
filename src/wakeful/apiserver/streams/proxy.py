"""Requests passed on to a port of a pod: ``pods/NAME:PORT/proxy/…``."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import aiohttp
import structlog
from aiohttp import ClientRequest, web
from aiohttp.client_proto import ResponseHandler

from wakeful.apimachinery.errors import BadRequestError, ServiceUnavailableError
from wakeful.apiserver.protocols import ByteStream, PodRef
from wakeful.apiserver.streams.pods import Wire

log = structlog.get_logger("wakeful.apiserver.streams")

_CHUNK = 32 * 1024
_NOT_PASSED = frozenset(
    (
        "authorization",
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""What belongs to one connection, and what tells who asks: that is nobody's business in a pod."""
_IMPERSONATE = "impersonate-"


class Dialer(Protocol):
    """Opens connections into pods."""

    def connect(self, pod: PodRef, port: int) -> AbstractAsyncContextManager[ByteStream]:
        """Open a TCP connection to a port of the pod."""
        ...


def parse_target(name: str) -> tuple[str, str]:
    """The pod and the port of ``NAME``, ``NAME:PORT`` or ``http:NAME:PORT``.

    Raises:
        BadRequestError: It is none of these.
    """
    parts = name.split(":")
    if len(parts) == 3:
        if parts[0] not in ("", "http"):
            raise BadRequestError(f"invalid pod request {name!r}: only http can be passed on")
        parts = parts[1:]
    if len(parts) > 2 or not parts[0]:
        raise BadRequestError(f"invalid pod request {name!r}")
    return parts[0], parts[1] if len(parts) == 2 else ""


def port_of(pod: Wire, asked: str) -> int:
    """The number of a port that is asked for by number or name; the first one without either.

    Raises:
        BadRequestError: There is no such port.
    """
    spec = pod.get("spec") or {}
    ports = [port for c in spec.get("containers") or () for port in c.get("ports") or ()]
    if not asked:
        return int(ports[0]["containerPort"]) if ports else 80
    if asked.isascii() and asked.isdigit() and 0 < int(asked) < 65536:
        return int(asked)
    for port in ports:
        if port.get("name") == asked:
            return int(port["containerPort"])
    raise BadRequestError(f"pod {pod['metadata']['name']} has no port {asked!r}")


async def pass_on(
    request: web.Request, rest: str, pod: PodRef, port: int, dialer: Dialer
) -> web.StreamResponse:
    """Send the request to the pod and its answer back, as they come.

    Raises:
        APIStatusError: The pod cannot be reached.
    """
    try:
        async with dialer.connect(pod, port) as stream:
            response, failure = await _through(stream, request, rest)
    except OSError as err:
        response, failure = None, str(err)
    if response is None:
        raise ServiceUnavailableError(f"error trying to reach service: {failure}")
    return response


async def _through(
    stream: ByteStream, request: web.Request, rest: str
) -> tuple[web.StreamResponse | None, str]:
    """The answer, or why there is none."""
    near, far = socket.socketpair()
    near.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=far)
    async with asyncio.TaskGroup() as group:
        pumps = [
            group.create_task(_inwards(reader, stream), name="proxy:inwards"),
            group.create_task(_outwards(stream, writer), name="proxy:outwards"),
        ]
        try:
            return await _exchange(request, rest, near), ""
        except (aiohttp.ClientError, OSError) as err:
            return None, str(err) or type(err).__name__
        finally:
            for pump in pumps:
                pump.cancel()
            writer.close()


async def _exchange(request: web.Request, rest: str, near: socket.socket) -> web.StreamResponse:
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in _NOT_PASSED and not name.lower().startswith(_IMPERSONATE)
    }
    query = f"?{request.query_string}" if request.query_string else ""
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        _OneConnection(near) as connector,
        aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=timeout
        ) as session,
        session.request(
            request.method,
            f"http://pod/{rest}{query}",
            headers=headers,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answer,
    ):
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _NOT_PASSED:
                response.headers.add(name, value)
        await response.prepare(request)
        async for chunk in answer.content.iter_chunked(_CHUNK):
            await response.write(chunk)
        await response.write_eof()
        return response


class _OneConnection(aiohttp.BaseConnector):
    """Uses a connection that is there already, for one request."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(force_close=True)
        self._sock = sock

    async def _create_connection(
        self, req: ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        del req, traces, timeout
        _, protocol = await self._loop.create_connection(self._factory, sock=self._sock)
        return protocol


async def _inwards(reader: asyncio.StreamReader, stream: ByteStream) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            await stream.write(chunk)
        await stream.write_eof()
    except OSError as err:
        log.debug("the pod reads no more", error=str(err))


async def _outwards(stream: ByteStream, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await stream.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    except OSError as err:
        log.debug("the pod or its reader has gone", error=str(err))
    writer.close()
