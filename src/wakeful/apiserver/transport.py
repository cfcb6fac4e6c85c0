"""The way controllers take to the API server of their own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson

from wakeful.apimachinery.request import APIRequest, UserInfo
from wakeful.apimachinery.watch import RawWatchEvent, WatchEvent
from wakeful.apiserver.registry.call import Tracking
from wakeful.apiserver.registry.core import APIServer
from wakeful.apiserver.registry.watching import WatchStream


class InProcessTransport:
    """A :class:`~wakeful.apimachinery.request.Transport` without a wire.

    Answers of :meth:`call` belong to the caller. Objects of watch events are shared with every
    other watcher: read only.
    """

    def __init__(self, server: APIServer, user: UserInfo) -> None:
        self._server, self._user = server, user

    async def call(self, request: APIRequest) -> dict[str, Any]:
        """Answer one request other than a watch."""
        if "fieldValidation" not in request.params and request.body is not None:
            request = replace(request, params={**request.params, "fieldValidation": "Ignore"})
        response = await self._server.handle(
            request, self._user, manager="wakeful", tracking=Tracking.ONLY_OWNED
        )
        if response.is_list or response.served is None:
            return response.object
        data = response.data
        answer: dict[str, Any] = orjson.loads(
            orjson.dumps(response.object) if data is None else data
        )
        return answer

    @asynccontextmanager
    async def watch(self, request: APIRequest) -> AsyncIterator[AsyncIterator[RawWatchEvent]]:
        """Open a watch."""
        async with self._server.watch(request, self._user) as events:
            yield _shown(events)


async def _shown(events: WatchStream) -> AsyncIterator[RawWatchEvent]:
    async for event in events:
        yield WatchEvent(event.type, event.object)
