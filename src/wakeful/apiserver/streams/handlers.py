"""The handlers of a pod's streaming subresources, for the HTTP server to mount.

What goes wrong before a connection is upgraded is raised, and answered as a Status: kubectl shows
that of its last attempt, which is why every protocol answers the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from aiohttp import WSMsgType, web

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.request import APIRequest, UserInfo
from wakeful.apiserver.protocols import ExecOptions, ExecSession, NodeConnector, PodRef
from wakeful.apiserver.streams import portforward, proxy, spdychannels
from wakeful.apiserver.streams.channels import ClientChannels, run_session
from wakeful.apiserver.streams.pods import PodReader, find_pod, parse_exec, parse_log
from wakeful.apiserver.streams.spdy import SPDYConnection, SPDYError
from wakeful.apiserver.streams.spdychannels import SPDYChannels
from wakeful.apiserver.streams.takeover import TakenOver, take_over
from wakeful.apiserver.streams.websocket import (
    WebSocketChannels,
    is_websocket,
    offered_protocols,
)

log = structlog.get_logger("wakeful.apiserver.streams")

StreamHandler = Callable[[web.Request, APIRequest, UserInfo, str], Awaitable[web.StreamResponse]]
FIRST_BYTE_SECONDS = 0.2
"""How long a log may take to say that it cannot be read, before the answer begins."""
LINGER_SECONDS = 5.0
"""How long a client has to leave by itself once everything was said."""
_READ_BYTES = 64 * 1024

_Session = AbstractAsyncContextManager[ExecSession]


class PodStreams:
    """Serves ``log``, ``exec``, ``attach``, ``portforward`` and ``proxy`` of pods."""

    def __init__(
        self, connector: NodeConnector, pods: PodReader, clock: Clock | None = None
    ) -> None:
        self._connector, self._pods, self._clock = connector, pods, clock or SystemClock()

    def handlers(self) -> dict[tuple[str, str, str], StreamHandler]:
        """Handlers by group, plural and subresource."""
        return {
            ("", "pods", "log"): self.log,
            ("", "pods", "exec"): self.execute,
            ("", "pods", "attach"): self.attach,
            ("", "pods", "portforward"): self.forward,
            ("", "pods", "proxy"): self.proxy,
        }

    async def log(
        self, request: web.Request, api: APIRequest, user: UserInfo, rest: str
    ) -> web.StreamResponse:
        """Send a container's log, as it is or as it grows."""
        del user, rest
        pod, ref = find_pod(self._pods, api.namespace, api.name)
        options = parse_log(request, pod, self._clock.now())
        chunks = aiter(self._connector.logs(ref, options))
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        async with contextlib.AsyncExitStack() as stack:
            if hasattr(chunks, "aclose"):
                stack.push_async_callback(chunks.aclose)
            # What cannot be read says so at once; a log that is merely quiet may take forever.
            first = asyncio.ensure_future(anext(chunks, None))
            stack.push_async_callback(_cancel, first)
            await asyncio.wait([first], timeout=FIRST_BYTE_SECONDS)
            if first.done():
                first.result()
            await response.prepare(request)
            chunk = await first
            while chunk is not None:
                await response.write(chunk)
                chunk = await anext(chunks, None)
            await response.write_eof()
        return response

    async def execute(
        self, request: web.Request, api: APIRequest, user: UserInfo, rest: str
    ) -> web.StreamResponse:
        """Run a command in a container."""
        del user, rest
        pod, ref = find_pod(self._pods, api.namespace, api.name)
        options = parse_exec(request, pod, attach=False)
        session = self._connector.execute(ref, options)
        return await self._session(request, session, options, attached=False)

    async def attach(
        self, request: web.Request, api: APIRequest, user: UserInfo, rest: str
    ) -> web.StreamResponse:
        """Follow a container's own process."""
        del user, rest
        pod, ref = find_pod(self._pods, api.namespace, api.name)
        options = parse_exec(request, pod, attach=True)
        session = self._connector.attach(ref, options)
        return await self._session(request, session, options, attached=True)

    async def forward(
        self, request: web.Request, api: APIRequest, user: UserInfo, rest: str
    ) -> web.StreamResponse:
        """Forward connections to ports of a pod."""
        del user, rest
        _, ref = find_pod(self._pods, api.namespace, api.name)
        if is_websocket(request):
            return await self._forward_in_websocket(request, ref)
        headers = spdychannels.negotiate(request, portforward.PROTOCOL)

        async def serve(connection: SPDYConnection) -> None:
            await portforward.serve_forwards(connection, ref, self._connector)

        return await _serve_spdy(request, headers, serve)

    async def proxy(
        self, request: web.Request, api: APIRequest, user: UserInfo, rest: str
    ) -> web.StreamResponse:
        """Pass a request on to a port of a pod."""
        del user
        name, port = proxy.parse_target(api.name)
        pod, ref = find_pod(self._pods, api.namespace, name)
        number = proxy.port_of(pod, port)
        return await proxy.pass_on(request, rest, ref, number, self._connector)

    # --- exec and attach --------------------------------------------------------------------------

    async def _session(
        self, request: web.Request, opening: _Session, options: ExecOptions, *, attached: bool
    ) -> web.StreamResponse:
        if is_websocket(request):
            if spdychannels.UPGRADE in offered_protocols(request):
                raise BadRequestError("unable to upgrade: exec is not tunnelled in SPDY")
            async with opening as session:
                channels = await WebSocketChannels.open(request)
                serving = run_session(session, channels, options, attached=attached)
                await _converse(channels.receive(), serving)
            return channels.response
        headers = spdychannels.negotiate(request, spdychannels.PROTOCOL)
        async with opening as session:

            async def serve(connection: SPDYConnection) -> None:
                client: ClientChannels | None = await SPDYChannels.collect(connection, options)
                if client is not None:
                    await run_session(session, client, options, attached=attached)

            return await _serve_spdy(request, headers, serve)

    # --- port-forward -----------------------------------------------------------------------------

    async def _forward_in_websocket(self, request: web.Request, pod: PodRef) -> web.StreamResponse:
        spoken = portforward.WEBSOCKET_PROTOCOL
        offered = offered_protocols(request)
        if spoken not in offered:
            raise BadRequestError(
                f"unable to upgrade: client supports {offered}, server accepts ['{spoken}']"
            )
        socket = web.WebSocketResponse(protocols=(spoken,), compress=False, max_msg_size=0)
        await socket.prepare(request)

        async def receive() -> AsyncIterator[bytes]:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    yield message.data

        connection = SPDYConnection(receive(), socket.send_bytes)
        await _converse(
            connection.run(), portforward.serve_forwards(connection, pod, self._connector)
        )
        await socket.close()
        return socket


async def _serve_spdy(
    request: web.Request,
    headers: Mapping[str, str],
    serve: Callable[[SPDYConnection], Coroutine[Any, Any, None]],
) -> web.StreamResponse:
    """Take the connection over and serve SPDY on it until either side has had enough."""
    reader, writer = take_over(request, spdychannels.UPGRADE, headers)

    async def receive() -> AsyncIterator[bytes]:
        while data := await reader.read(_READ_BYTES):
            yield data

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    connection = SPDYConnection(receive(), send)
    try:
        await _converse(connection.run(), serve(connection))
    finally:
        writer.close()
    return TakenOver()


async def _converse(reading: Coroutine[Any, Any, None], serving: Coroutine[Any, Any, None]) -> None:
    """Serve until the client leaves; once all is said, let it leave by itself for a while."""
    try:
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(reading, name="stream:read")
            server = group.create_task(serving, name="stream:serve")
            await asyncio.wait([reader, server], return_when=asyncio.FIRST_COMPLETED)
            if server.done():
                await asyncio.wait([reader], timeout=LINGER_SECONDS)
            reader.cancel()
            server.cancel()
    except* (ConnectionError, TimeoutError, SPDYError) as failures:
        log.info("stream broke off", errors=[str(e) for e in failures.exceptions])


async def _cancel(task: asyncio.Future[Any]) -> None:
    """End a task that may be waiting; its own failure was or will be reported elsewhere."""
    task.cancel()
    await asyncio.wait([task])
