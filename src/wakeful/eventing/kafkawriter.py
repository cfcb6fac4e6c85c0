"""Writes events into topics: one producer for each cluster, for as long as the writer lives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from wakeful.apis.core import Secret
from wakeful.eventbus.kafka import (
    KafkaConnection,
    NewRecord,
    SecretUnusableError,
    connection_of_secret,
)
from wakeful.eventing.receiving import RefusedError

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

log = structlog.get_logger("wakeful.eventing.kafka")

_SECONDS = 15.0


class KafkaWriter:
    """Shares producers among everybody who writes to the same cluster as the same user."""

    def __init__(self) -> None:
        self._producers: dict[KafkaConnection, AIOKafkaProducer] = {}
        self._starting: dict[KafkaConnection, asyncio.Lock] = {}

    async def write(
        self, record: NewRecord, *, topic: str, servers: Sequence[str], secret: Secret | None
    ) -> None:
        """Return once the brokers have the record.

        Raises:
            RefusedError: They do not take it, do not answer, or the Secret cannot be used.
        """
        from aiokafka.errors import KafkaError, MessageSizeTooLargeError

        try:
            async with asyncio.timeout(_SECONDS):
                producer = await self._producer(connection_of_secret(servers, secret))
                await producer.send_and_wait(
                    topic, record.value, key=record.key, headers=list(record.headers)
                )
        except MessageSizeTooLargeError as error:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error)) from error
        except (KafkaError, TimeoutError, OSError, ValueError, SecretUnusableError) as error:
            log.warning("event not written", topic=topic, servers=servers, error=str(error))
            text = f"Kafka does not take the event: {str(error) or 'it does not answer'}"
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text) from error

    async def _producer(self, connection: KafkaConnection) -> AIOKafkaProducer:
        from aiokafka import AIOKafkaProducer

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

    async def aclose(self) -> None:
        """Send what is left, and part from all clusters."""
        for producer in self._producers.values():
            await producer.stop()
        self._producers.clear()
