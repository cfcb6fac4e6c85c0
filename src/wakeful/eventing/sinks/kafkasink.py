"""The receiver of KafkaSinks: one server on loopback for all of them, behind the gateway."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from aiohttp import web

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.sinks import KafkaSink
from wakeful.apis.sinks.kafkasink_types import STRUCTURED
from wakeful.client import Informer
from wakeful.cloudevents import Event
from wakeful.eventbus.kafka import to_record
from wakeful.eventing.kafkawriter import KafkaWriter
from wakeful.eventing.receiving import LARGEST_EVENT_BYTES, RefusedError, read_event, refuse
from wakeful.loopback import serving


class KafkaSinkReceiver:
    """Writes events into topics, and answers once the brokers have them.

    The server is a runnable that listens from the first KafkaSink on; ``port`` is known once
    ``listening`` is set.
    """

    name = "eventing:kafkasink"

    def __init__(self, sinks: Informer[KafkaSink], secrets: Informer[Secret]) -> None:
        self._sinks, self._secrets = sinks, secrets
        self._writer = KafkaWriter()
        self._needed = asyncio.Event()
        sinks.add_handler(lambda _: self._needed.set())
        self.port = 0
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._needed.wait()
        try:
            async with serving(self._handle, limit_bytes=LARGEST_EVENT_BYTES) as self.port:
                self.listening.set()
                await asyncio.Event().wait()
        finally:
            self.listening.clear()
            await self._writer.aclose()

    async def _handle(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(headers={"Allow": "POST, OPTIONS"})
        if request.method != "POST":
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only POST is allowed", allow="POST")
        parts = request.raw_path.removesuffix("/").split("/")
        key = NamespacedName(parts[1], parts[2]) if len(parts) == 3 else None
        sink = self._sinks.get(key.name, key.namespace) if key is not None else None
        if sink is None:
            return refuse(HTTPStatus.NOT_FOUND, f"there is no KafkaSink at {request.path}")
        try:
            await self._write(sink, await read_event(request))
        except RefusedError as error:
            return error.answer()
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _write(self, sink: KafkaSink, event: Event) -> None:
        if not sink.status.may_write:
            text = f"KafkaSink {sink.key} is not ready"
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text)
        spec = sink.spec
        name, namespace = spec.secret_name, sink.metadata.namespace
        await self._writer.write(
            to_record(event, structured=spec.content_mode == STRUCTURED),
            topic=spec.topic,
            servers=spec.bootstrap_servers,
            secret=self._secrets.get(name, namespace) if name else None,
        )
