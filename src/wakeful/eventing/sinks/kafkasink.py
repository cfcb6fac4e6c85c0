"""The receiver of KafkaSinks: one server on loopback for all of them, behind the gateway."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Secret
from wakeful.apis.sinks import KafkaSink
from wakeful.apis.sinks.kafkasink_types import STRUCTURED
from wakeful.client import Informer
from wakeful.cloudevents import CloudEventError, Event, from_http
from wakeful.eventbus.kafka import (
    KafkaConnection,
    SecretUnusableError,
    connection_of_secret,
    to_record,
)

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

log = structlog.get_logger("wakeful.eventing.kafkasink")

LARGEST_EVENT_BYTES = 1024 * 1024
"""What brokers take unless they are told otherwise."""
_SECONDS = 15.0


class KafkaSinkReceiver:
    """Writes events into topics, and answers once the brokers have them.

    The server is a runnable that listens from the first KafkaSink on; ``port`` is known once
    ``listening`` is set.
    """

    name = "eventing:kafkasink"

    def __init__(self, sinks: Informer[KafkaSink], secrets: Informer[Secret]) -> None:
        self._sinks, self._secrets = sinks, secrets
        self._producers: dict[KafkaConnection, AIOKafkaProducer] = {}
        self._starting = asyncio.Lock()
        self._needed = asyncio.Event()
        sinks.add_handler(lambda _: self._needed.set())
        self.port = 0
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._needed.wait()
        app = web.Application(client_max_size=LARGEST_EVENT_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.port = runner.addresses[0][1]
            self.listening.set()
            await asyncio.Event().wait()
        finally:
            self.listening.clear()
            await runner.cleanup()
            for producer in self._producers.values():
                await producer.stop()
            self._producers.clear()

    async def _handle(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(headers={"Allow": "POST, OPTIONS"})
        if request.method != "POST":
            return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only POST is allowed", allow="POST")
        parts = request.raw_path.removesuffix("/").split("/")
        key = NamespacedName(parts[1], parts[2]) if len(parts) == 3 else None
        sink = self._sinks.get(key.name, key.namespace) if key is not None else None
        if sink is None:
            return _refuse(HTTPStatus.NOT_FOUND, f"there is no KafkaSink at {request.path}")
        try:
            event = from_http(request.headers.items(), await request.read())
        except web.HTTPRequestEntityTooLarge:
            text = f"an event has at most {LARGEST_EVENT_BYTES} bytes"
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        except CloudEventError as error:
            return _refuse(HTTPStatus.BAD_REQUEST, str(error))
        return await self._write(sink, event)

    async def _write(self, sink: KafkaSink, event: Event) -> web.Response:
        from aiokafka.errors import KafkaError, MessageSizeTooLargeError

        if not sink.status.may_write:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"KafkaSink {sink.key} is not ready")
        record = to_record(event, structured=sink.spec.content_mode == STRUCTURED)
        try:
            async with asyncio.timeout(_SECONDS):
                producer = await self._producer(sink)
                await producer.send_and_wait(
                    sink.spec.topic, record.value, key=record.key, headers=list(record.headers)
                )
        except MessageSizeTooLargeError as error:
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        except (KafkaError, TimeoutError, OSError, ValueError, SecretUnusableError) as error:
            log.warning("event not written", sink=str(sink.key), error=str(error))
            text = f"Kafka does not take the event: {str(error) or 'it does not answer'}"
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, text)
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _producer(self, sink: KafkaSink) -> AIOKafkaProducer:
        from aiokafka import AIOKafkaProducer

        name = sink.spec.secret_name
        secret = self._secrets.get(name, sink.metadata.namespace) if name else None
        connection = connection_of_secret(sink.spec.bootstrap_servers, secret)
        async with self._starting:
            found = self._producers.get(connection)
            if found is None:
                found = AIOKafkaProducer(**connection.options(), acks="all", client_id="wakeful")
                try:
                    await found.start()
                except BaseException:
                    await found.stop()
                    raise
                self._producers[connection] = found
            return found


def _refuse(status: int, why: str, **headers: str) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=headers)
