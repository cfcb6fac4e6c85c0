"""The HTTP server behind every listener; the gateway says whose request it is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from aiohttp import web

from wakeful.apis.triggers import EventListener
from wakeful.client import Lister
from wakeful.loopback import serving
from wakeful.pipelines.triggers.events import Event, collect_headers
from wakeful.reconciler.triggers.processing import Processor
from wakeful.reconciler.triggers.resources import LISTENER_HEADER

log = structlog.get_logger("wakeful.triggers")

_BODY_LIMIT_BYTES = 10 << 20
_AT_ONCE = 32
"""So many triggers run at the same time; further requests are answered and wait."""


class ListenerHub:
    """Accepts requests at once and carries out their triggers in the background."""

    name = "triggers:hub"

    def __init__(self, listeners: Lister[EventListener], processor: Processor) -> None:
        self._listeners, self._processor = listeners, processor
        self.port = 0
        """Where it listens; 0 until it does."""
        self._tell: list[Callable[[], None]] = []
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def on_listening(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` once it listens."""
        self._tell.append(tell)

    async def run(self) -> None:
        """Serve until cancelled; what was accepted and not yet carried out is lost then."""
        async with asyncio.TaskGroup() as group:

            async def answer(request: web.Request) -> web.Response:
                return await self._answer(
                    request, lambda job: group.create_task(job, name="trigger")
                )

            async with serving(
                answer, limit_bytes=_BODY_LIMIT_BYTES, shutdown_seconds=5.0
            ) as self.port:
                for tell in self._tell:
                    tell()
                await asyncio.Event().wait()

    async def _answer(
        self, request: web.Request, start: Callable[[Coroutine[Any, Any, None]], object]
    ) -> web.Response:
        namespace, _, name = request.headers.get(LISTENER_HEADER, "").partition("/")
        listener = self._listeners.get(name, namespace) if name else None
        if listener is None:
            return _json({"errorMessage": "no such EventListener"}, HTTPStatus.NOT_FOUND)
        if request.method != "POST":
            return _json(
                {"errorMessage": f"{request.method} is not allowed; send events with POST"},
                HTTPStatus.METHOD_NOT_ALLOWED,
            )
        raw = await request.read()
        try:
            body = orjson.loads(raw)
            problem = "" if isinstance(body, dict) else "it is no object"
        except orjson.JSONDecodeError as error:
            body, problem = None, str(error)
        if problem:
            text = f"Invalid event body format : {problem}"
            return _json({"errorMessage": text}, HTTPStatus.BAD_REQUEST)
        event = Event(
            body=body,
            raw=raw,
            headers=collect_headers(
                (key, _text(value))
                for key, value in request.headers.items()
                if key != LISTENER_HEADER
            ),
            event_id=str(uuid.uuid4()),
            url=request.path_qs,
        )
        start(self._carry_out(listener, event))
        meta = listener.metadata
        return _json(
            {
                "eventListener": meta.name,
                "namespace": meta.namespace,
                "eventListenerUID": meta.uid,
                "eventID": event.event_id,
            },
            HTTPStatus.ACCEPTED,
        )

    async def _carry_out(self, listener: EventListener, event: Event) -> None:
        try:
            async with self._slots:
                tasks = await self._processor.tasks_of(listener)
                await asyncio.gather(
                    *(self._processor.carry_out(task, event, listener) for task in tasks)
                )
        except Exception:
            log.exception("request not carried out", listener=str(listener.key))


def _text(value: str) -> str:
    """A header's value; bytes that are no UTF-8 become what Go's JSON makes of them."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _json(body: dict[str, str], status: HTTPStatus) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
