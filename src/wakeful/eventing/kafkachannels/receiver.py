"""The receiver of KafkaChannels: one server on loopback for all of them, behind the gateway."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from wakeful.apimachinery.conditions import TRUE
from wakeful.apimachinery.errors import AlreadyExistsError
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apis.core import Secret, Service
from wakeful.apis.core.service_types import ServicePort, ServiceSpec
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointSlicePort,
)
from wakeful.apis.messaging import KafkaChannel, register
from wakeful.apis.messaging.kafkachannel_types import (
    AUTH_SECRET,
    BOOTSTRAP_SERVERS,
    RECEIVER,
    RECEIVER_PORT,
    TOPIC,
    TOPIC_READY,
)
from wakeful.client import Client, Lister
from wakeful.cloudevents import CloudEventError, Event, from_http
from wakeful.eventbus.kafka import (
    KafkaConnection,
    SecretUnusableError,
    connection_of_secret,
    to_record,
)
from wakeful.eventing.frame import ForwardedHeaders
from wakeful.eventing.ingress.rules import forwarded
from wakeful.eventing.kafkachannels.plan import servers_of

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

log = structlog.get_logger("wakeful.eventing.kafkachannel")

LARGEST_EVENT_BYTES = 1024 * 1024
"""What brokers take unless they are told otherwise."""
_SECONDS = 15.0


class KafkaChannelReceiver:
    """Writes events into topics, and answers once the brokers have them.

    A runnable: serves until cancelled, and publishes its port for the gateway.
    """

    name = "eventing:kafkachannel"

    def __init__(
        self, client: Client, channels: Lister[KafkaChannel], secrets: Lister[Secret]
    ) -> None:
        self._client, self._channels, self._secrets = client, channels, secrets
        self._producers: dict[KafkaConnection, AIOKafkaProducer] = {}
        self._starting: dict[KafkaConnection, asyncio.Lock] = {}
        self.port = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        app = web.Application(client_max_size=LARGEST_EVENT_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            for want in make_receiver(self.port):
                await self._put(want)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()
            for producer in self._producers.values():
                await producer.stop()
            self._producers.clear()

    async def _put(self, want: Object) -> None:
        try:
            await self._client.create(want)
        except AlreadyExistsError:
            wire = want.to_wire()
            patch = {k: v for k, v in wire.items() if k not in ("apiVersion", "kind", "metadata")}
            meta = want.metadata
            await self._client.patch(type(want), meta.name, meta.namespace, patch)

    async def _handle(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            allowed = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}
            return web.Response(headers={"Allow": "POST, OPTIONS"} | allowed)
        if request.method != "POST":
            return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only POST is allowed", allow="POST")
        if request.path != "/":
            return _refuse(HTTPStatus.BAD_REQUEST, "the path of a channel is /")
        try:
            event = from_http(request.headers.items(), await request.read())
        except web.HTTPRequestEntityTooLarge:
            text = f"an event has at most {LARGEST_EVENT_BYTES} bytes"
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        except CloudEventError as error:
            return _refuse(HTTPStatus.BAD_REQUEST, str(error))
        channel = self._find(request.host)
        if channel is None:
            return _refuse(HTTPStatus.NOT_FOUND, f"channel of host {request.host!r} does not exist")
        along = forwarded((name.lower(), value) for name, value in request.headers.items())
        return await self._take(channel, event, along)

    def _find(self, host: str) -> KafkaChannel | None:
        """The channel whose address has this host, with or without the cluster's domain."""
        plain = host.partition(":")[0].lower().removesuffix(".cluster.local")
        namespace = (*plain.split("."), "")[1]
        for channel in self._channels.list(namespace):
            address = channel.status.address
            if address is not None and address.url == f"http://{plain}.cluster.local":
                return channel
        return None

    async def _take(
        self, channel: KafkaChannel, event: Event, along: ForwardedHeaders
    ) -> web.Response:
        told, ready = channel.status.annotations, channel.status.condition(TOPIC_READY)
        if ready is None or ready.status != TRUE:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the channel's topic is not there yet")
        from aiokafka.errors import KafkaError, MessageSizeTooLargeError

        record = to_record(event)
        headers = [*record.headers, *((name, value.encode()) for name, value in along)]
        try:
            async with asyncio.timeout(_SECONDS):
                producer = await self._producer(told)
                await producer.send_and_wait(
                    told[TOPIC], record.value, key=record.key, headers=headers
                )
        except MessageSizeTooLargeError as error:
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        except (KafkaError, TimeoutError, OSError, ValueError, SecretUnusableError) as error:
            log.warning("event not stored", channel=str(channel.key), error=str(error))
            text = f"Kafka does not take the event: {error or 'it does not answer'}"
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, text)
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def _producer(self, told: dict[str, str]) -> AIOKafkaProducer:
        from aiokafka import AIOKafkaProducer

        name = told.get(AUTH_SECRET, "")
        secret = self._secrets.get(name, register.SYSTEM_NAMESPACE) if name else None
        connection = connection_of_secret(servers_of(told.get(BOOTSTRAP_SERVERS, "")), secret)
        # One cluster that is away does not keep events from others.
        async with self._starting.setdefault(connection, asyncio.Lock()):
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


def make_receiver(port: int) -> list[Object]:
    """The receiver under a name that only the gateway uses, and where it listens in this run."""
    meta = ObjectMeta(
        name=RECEIVER,
        namespace=register.SYSTEM_NAMESPACE,
        labels={SERVICE_NAME_LABEL: RECEIVER},
    )
    to = ServicePort(name="http", port=RECEIVER_PORT, target_port=RECEIVER_PORT)
    endpoint = Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))
    return [
        Service(metadata=meta, spec=ServiceSpec(ports=[to])),
        EndpointSlice(
            metadata=meta,
            address_type="IPv4",
            endpoints=[endpoint],
            ports=[EndpointSlicePort(name="http", protocol="TCP", port=port)],
        ),
    ]
