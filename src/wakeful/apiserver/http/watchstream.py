"""A watch on the wire: one JSON object per line, flushed at once."""

from __future__ import annotations

import random

import orjson
from aiohttp import web

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apimachinery.request import APIRequest, UserInfo
from wakeful.apimachinery.watch import EventType
from wakeful.apiserver.http.rendering import Renderer
from wakeful.apiserver.registry.core import APIServer
from wakeful.apiserver.registry.watching import ServedEvent, WatchStream

_SHORTEST_SECONDS, _LONGEST_SECONDS = 1800, 3600


class WatchStreams:
    """The watches open over HTTP; they are told to end before the server does."""

    def __init__(self, server: APIServer) -> None:
        self._server = server
        self._open: set[WatchStream] = set()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def close(self) -> None:
        """End every watch, as if its time were up."""
        for stream in tuple(self._open):
            stream.close()

    async def serve(
        self, request: web.Request, api: APIRequest, user: UserInfo, renderer: Renderer
    ) -> web.StreamResponse:
        """Answer a watch until its time is up, the client leaves or the server ends.

        Cancellation: safe anywhere; the client sees the connection close.
        """
        if not api.params.get("timeoutSeconds"):
            seconds = random.randint(_SHORTEST_SECONDS, _LONGEST_SECONDS)  # noqa: S311 - jitter
            params = {**api.params, "timeoutSeconds": str(seconds)}
            api = APIRequest(
                api.verb, api.group, api.version, api.resource, api.namespace, params=params
            )
        async with self._server.watch(api, user) as stream:
            self._open.add(stream)
            try:
                answer = web.StreamResponse()
                answer.content_type = "application/json"
                await answer.prepare(request)
                await _copy(stream, answer, renderer)
                await answer.write_eof()
            finally:
                self._open.discard(stream)
        return answer


async def _copy(stream: WatchStream, answer: web.StreamResponse, renderer: Renderer) -> None:
    first = True
    try:
        async for event in stream:
            await answer.write(_line(event, renderer, first=first))
            first = False
    except APIStatusError as err:
        status = orjson.dumps(err.to_status())
        await answer.write(b'{"type":"ERROR","object":' + status + b"}\n")


def _line(event: ServedEvent, renderer: Renderer, *, first: bool) -> bytes:
    data = event.data if renderer.is_plain else None
    if data is None:
        if renderer.is_plain:
            shown = event.object
        elif event.type is EventType.BOOKMARK:
            shown = renderer.show_bookmark(event.served, event.object)
        else:
            shown = renderer.show_object(event.served, event.object, first=first)
        data = orjson.dumps(shown)
    return b'{"type":"' + event.type.encode() + b'","object":' + data + b"}\n"
