"""The receiver of KafkaChannels: one server on loopback for all of them, behind the gateway."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from wakeful.apimachinery.conditions import TRUE
from wakeful.apis.core import Secret
from wakeful.apis.discovery import make_selectorless_service
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
from wakeful.cloudevents import Event
from wakeful.eventbus.kafka import to_record
from wakeful.eventing.frame import ForwardedHeaders
from wakeful.eventing.ingress.rules import forwarded
from wakeful.eventing.kafkachannels.plan import servers_of
from wakeful.eventing.kafkawriter import KafkaWriter
from wakeful.eventing.receiving import LARGEST_EVENT_BYTES, RefusedError, read_event, refuse
from wakeful.loopback import serving


class KafkaChannelReceiver:
    """Writes events into topics, and answers once the brokers have them.

    A runnable: serves until cancelled, and publishes its port for the gateway.
    """

    name = "eventing:kafkachannel"

    def __init__(
        self, client: Client, channels: Lister[KafkaChannel], secrets: Lister[Secret]
    ) -> None:
        self._client, self._channels, self._secrets = client, channels, secrets
        self._writer = KafkaWriter()
        self.port = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with serving(self._handle, limit_bytes=LARGEST_EVENT_BYTES) as self.port:
                for want in make_selectorless_service(
                    RECEIVER,
                    register.SYSTEM_NAMESPACE,
                    port=RECEIVER_PORT,
                    target_port=self.port,
                ):
                    await self._client.create_or_patch(want)
                await asyncio.Event().wait()
        finally:
            await self._writer.aclose()

    async def _handle(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            allowed = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"}
            return web.Response(headers={"Allow": "POST, OPTIONS"} | allowed)
        if request.method != "POST":
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only POST is allowed", allow="POST")
        if request.path != "/":
            return refuse(HTTPStatus.BAD_REQUEST, "the path of a channel is /")
        try:
            event = await read_event(request)
            channel = self._find(request.host)
            if channel is None:
                text = f"channel of host {request.host!r} does not exist"
                return refuse(HTTPStatus.NOT_FOUND, text)
            along = forwarded((name.lower(), value) for name, value in request.headers.items())
            await self._store(channel, event, along)
        except RefusedError as error:
            return error.answer()
        return web.Response(status=HTTPStatus.ACCEPTED)

    def _find(self, host: str) -> KafkaChannel | None:
        """The channel whose address has this host, with or without the cluster's domain."""
        plain = host.partition(":")[0].lower().removesuffix(".cluster.local")
        namespace = (*plain.split("."), "")[1]
        for channel in self._channels.list(namespace):
            address = channel.status.address
            if address is not None and address.url == f"http://{plain}.cluster.local":
                return channel
        return None

    async def _store(self, channel: KafkaChannel, event: Event, along: ForwardedHeaders) -> None:
        told, ready = channel.status.annotations, channel.status.condition(TOPIC_READY)
        if ready is None or ready.status != TRUE:
            text = "the channel's topic is not there yet"
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text)
        record = to_record(event)
        headers = [*record.headers, *((name, value.encode()) for name, value in along)]
        name = told.get(AUTH_SECRET, "")
        await self._writer.write(
            replace(record, headers=headers),
            topic=told[TOPIC],
            servers=servers_of(told.get(BOOTSTRAP_SERVERS, "")),
            secret=self._secrets.get(name, register.SYSTEM_NAMESPACE) if name else None,
        )
