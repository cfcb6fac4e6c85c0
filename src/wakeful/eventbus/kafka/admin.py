"""Topics and the offsets of consumer groups."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wakeful.aio import kept_cancellation
from wakeful.eventbus.kafka.connection import KafkaConnection
from wakeful.eventbus.kafka.errors import (
    KafkaUnavailableError,
    TopicMissingError,
    translated,
)

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient

_TIMEOUT_SECONDS = 10.0
_END_SECONDS = 5.0
_TOPIC_ALREADY_EXISTS, _UNKNOWN_TOPIC = 36, 3
_ERRORS = {
    17: "the name of the topic is not valid",
    29: "topic authorization failed",
    37: "the number of partitions is not valid",
    38: "the replication factor is larger than the number of brokers",
    40: "the configuration of the topic is not valid",
}


class InitialOffset(StrEnum):
    """Where a consumer group starts that has consumed nothing yet."""

    EARLIEST = "earliest"
    LATEST = "latest"


class KafkaAdmin(Protocol):
    """What controllers do to a cluster.

    Every method raises :class:`KafkaUnavailableError` when the cluster does not do it, and
    ``ValueError`` when certificates of the connection are unusable.
    """

    async def partitions(
        self, connection: KafkaConnection, topics: Sequence[str]
    ) -> dict[str, tuple[int, ...]]:
        """The partitions of topics.

        Raises:
            TopicMissingError: There is no such topic.
        """
        ...

    async def commit_initial_offsets(
        self,
        connection: KafkaConnection,
        group: str,
        partitions: Mapping[str, Sequence[int]],
        initial: InitialOffset,
    ) -> None:
        """Fix where ``group`` starts on partitions it has no offset of yet."""
        ...

    async def ensure_topic(
        self,
        connection: KafkaConnection,
        topic: str,
        *,
        partitions: int,
        replicas: int,
        settings: Mapping[str, str],
    ) -> None:
        """Create a topic unless it exists; an existing one is left as it is."""
        ...

    async def delete_topic(self, connection: KafkaConnection, topic: str) -> None:
        """Delete a topic; one that is gone already is fine."""
        ...


class AioKafkaAdmin:
    """:class:`KafkaAdmin` over the network; a connection for each call."""

    def __init__(self, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout = timeout_seconds

    async def partitions(
        self, connection: KafkaConnection, topics: Sequence[str]
    ) -> dict[str, tuple[int, ...]]:
        """See :class:`KafkaAdmin`."""
        async with self._client(connection) as client:
            described = await client.describe_topics(list(topics))
        found = {}
        for topic in described:
            if topic["error_code"] == _UNKNOWN_TOPIC:
                raise TopicMissingError(topic["topic"])
            _check(connection, topic["error_code"], topic["topic"])
            found[topic["topic"]] = tuple(sorted(p["partition"] for p in topic["partitions"]))
        return found

    async def commit_initial_offsets(
        self,
        connection: KafkaConnection,
        group: str,
        partitions: Mapping[str, Sequence[int]],
        initial: InitialOffset,
    ) -> None:
        """See :class:`KafkaAdmin`."""
        async with self._consumer(connection, group) as consumer:
            wanted = _topic_partitions(partitions)
            consumer.assign(wanted)
            fresh = [tp for tp in wanted if await consumer.committed(tp) is None]
            if not fresh:
                return
            if initial is InitialOffset.EARLIEST:
                offsets = await consumer.beginning_offsets(fresh)
            else:
                offsets = await consumer.end_offsets(fresh)
            await consumer.commit(offsets)

    async def ensure_topic(
        self,
        connection: KafkaConnection,
        topic: str,
        *,
        partitions: int,
        replicas: int,
        settings: Mapping[str, str],
    ) -> None:
        """See :class:`KafkaAdmin`."""
        from aiokafka.admin import NewTopic

        new = NewTopic(topic, partitions, replicas, topic_configs=dict(settings))
        async with self._client(connection) as client:
            answer = await client.create_topics([new])
        for name, code, *_ in answer.topic_errors:
            if code != _TOPIC_ALREADY_EXISTS:
                _check(connection, code, name)

    async def delete_topic(self, connection: KafkaConnection, topic: str) -> None:
        """See :class:`KafkaAdmin`."""
        async with self._client(connection) as client:
            answer = await client.delete_topics([topic])
        for name, code in answer.topic_error_codes:
            if code != _UNKNOWN_TOPIC:
                _check(connection, code, name)

    @asynccontextmanager
    async def _client(self, connection: KafkaConnection) -> AsyncIterator[AIOKafkaAdminClient]:
        from aiokafka.admin import AIOKafkaAdminClient

        with kept_cancellation(), translated(connection.text):
            client = AIOKafkaAdminClient(**connection.options())
            try:
                async with asyncio.timeout(self._timeout):
                    await client.start()
                    yield client
            finally:
                await _end(client.close())

    @asynccontextmanager
    async def _consumer(
        self, connection: KafkaConnection, group: str
    ) -> AsyncIterator[AIOKafkaConsumer]:
        from aiokafka import AIOKafkaConsumer

        with kept_cancellation(), translated(connection.text):
            consumer = AIOKafkaConsumer(
                **connection.options(), group_id=group, enable_auto_commit=False
            )
            try:
                async with asyncio.timeout(self._timeout):
                    await consumer.start()
                    yield consumer
            finally:
                await _end(consumer.stop())


async def _end(closing: Awaitable[None]) -> None:
    """Close a connection, but do not wait for a cluster that does not say good-bye."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await closing


def _topic_partitions(partitions: Mapping[str, Sequence[int]]) -> list[TopicPartition]:
    from aiokafka import TopicPartition

    return [TopicPartition(topic, n) for topic, numbers in partitions.items() for n in numbers]


def _check(connection: KafkaConnection, code: int, topic: str) -> None:
    if code == 0:
        return
    text = _ERRORS.get(code, f"Kafka's error {code}")
    raise KafkaUnavailableError(f"{connection.text}: topic {topic!r}: {text}")
