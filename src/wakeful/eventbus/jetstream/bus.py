"""The event bus on NATS JetStream."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC
from types import TracebackType
from typing import Any, Self

import orjson
from nats.aio.msg import Msg

from wakeful.eventbus.bus import (
    BusError,
    ConsumerConfig,
    ConsumerInfo,
    NoConsumerError,
    NoStreamError,
    StartAt,
    StreamConfig,
    StreamFullError,
    StreamInfo,
)
from wakeful.eventbus.jetstream.connection import ApiError, Connection
from wakeful.eventbus.jetstream.pull import JetStreamMessage, PullSubscription, parse_ack
from wakeful.eventbus.natsserver import NatsServer

_NO_STREAM, _STREAM_EXISTS, _NO_CONSUMER = 10059, 10058, 10014
_FULL = frozenset({10047, 10077, 10023, 10028})
"""Insufficient storage, maximum messages or bytes exceeded, insufficient resources."""
_PUBLISH_SECONDS = 10.0


class JetStreamBus:
    """A connection to a NATS server (or cluster) with JetStream."""

    def __init__(self, server: NatsServer, *, connect_seconds: float = 15.0) -> None:
        self._connection = Connection(server)
        self._connect_seconds = connect_seconds
        self._numbers = itertools.count(1)
        self._by_key: dict[tuple[str, str], PullSubscription] = {}
        self._by_token: dict[str, PullSubscription] = {}
        self._listeners: list[Callable[[], None]] = []

    async def __aenter__(self) -> Self:
        self._connection.on_delivery = self._on_delivery
        self._connection.on_reconnect = self._on_reconnect
        await self._connection.open(self._connect_seconds)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether the server is there now."""
        return self._connection.connected.is_set()

    def on_reconnect(self, listener: Callable[[], None]) -> None:
        """Call when the server was away: it may have lost what it kept in memory."""
        self._listeners.append(listener)

    # --- messages -----------------------------------------------------------------------------

    async def publish(self, subject: str, data: bytes) -> int:
        """Return the sequence once the message is stored."""
        answer = await self._connection.request(subject, data, _PUBLISH_SECONDS)
        result = orjson.loads(answer.data)
        error = result.get("error")
        if error is not None:
            if error.get("err_code") in _FULL:
                raise StreamFullError(f"{subject}: {error.get('description')}")
            raise ApiError(subject, error)
        sequence: int = result["seq"]
        return sequence

    async def subscribe(self, stream: str, consumer: str) -> PullSubscription:
        """Begin to read."""
        token = f"p{next(self._numbers)}"
        subscription = PullSubscription(
            self._connection, (stream, consumer), token, self._unsubscribe
        )
        self._by_key[stream, consumer] = self._by_token[token] = subscription
        return subscription

    def _unsubscribe(self, subscription: PullSubscription) -> None:
        self._by_token.pop(subscription.token, None)
        if self._by_key.get(subscription.key) is subscription:
            del self._by_key[subscription.key]

    def _on_delivery(self, msg: Msg) -> None:
        ack = parse_ack(msg.reply) if msg.reply else None
        if ack is not None:
            message = JetStreamMessage(self._connection, msg, ack)
            subscription = self._by_key.get((ack.stream, ack.consumer))
            if subscription is not None:
                subscription.deliver(message)
            else:  # asked for by a subscription that was closed meanwhile
                self._connection.later(message.nak())
            return
        token = self._connection.token(msg.subject)
        subscription = self._by_token.get(token) if token else None
        if subscription is not None:
            subscription.status(msg)

    def _on_reconnect(self) -> None:
        for subscription in self._by_token.values():
            subscription.reset()
        for listener in self._listeners:
            listener()

    # --- streams ------------------------------------------------------------------------------

    async def ensure_stream(self, config: StreamConfig) -> None:
        """Create the stream, or change it to this."""
        body = {
            "name": config.name,
            "subjects": list(config.subjects),
            "storage": config.storage.value,
            "retention": config.retention.value,
            "discard": "new",
            "max_bytes": config.max_bytes,
            "max_age": int(config.max_age_seconds * 1e9),
            "max_msg_size": config.max_message_bytes,
            "max_msgs": -1,
            "max_consumers": -1,
            "num_replicas": config.replicas,
            "duplicate_window": int(1e8),
            "metadata": dict(config.metadata),
        }
        try:
            await self._connection.call(f"STREAM.CREATE.{config.name}", body)
        except ApiError as error:
            if error.code != _STREAM_EXISTS:
                raise
            await self._connection.call(f"STREAM.UPDATE.{config.name}", body)

    async def delete_stream(self, name: str) -> None:
        """Delete it with everything in it."""
        try:
            await self._connection.call(f"STREAM.DELETE.{name}")
        except ApiError as error:
            if error.code != _NO_STREAM:
                raise

    async def streams(self, prefix: str = "") -> Sequence[StreamInfo]:
        """Every stream whose name begins with ``prefix``."""
        found = await self._list("STREAM.LIST", "streams")
        infos = [_stream_info(raw) for raw in found]
        return [info for info in infos if info.name.startswith(prefix)]

    async def stream_info(self, name: str) -> StreamInfo:
        """A stream's state."""
        return _stream_info(await self._stream_call(f"STREAM.INFO.{name}", name))

    async def trim(self, name: str, keep_from: int) -> None:
        """Delete messages before sequence ``keep_from``."""
        await self._stream_call(f"STREAM.PURGE.{name}", name, {"seq": keep_from})

    # --- consumers ----------------------------------------------------------------------------

    async def ensure_consumer(self, stream: str, config: ConsumerConfig) -> None:
        """Create the consumer, or change all but its place in the stream."""
        wanted: dict[str, Any] = {
            "name": config.name,
            "durable_name": config.name,
            "ack_policy": "explicit",
            "ack_wait": int(config.ack_wait_seconds * 1e9),
            "max_ack_pending": config.max_ack_pending,
            "max_deliver": -1,
            "inactive_threshold": int(config.inactive_seconds * 1e9),
            "metadata": dict(config.metadata),
        }
        if len(config.filter_subjects) == 1:
            wanted["filter_subject"] = config.filter_subjects[0]
        elif config.filter_subjects:
            wanted["filter_subjects"] = list(config.filter_subjects)
        try:
            raw = await self._connection.call(f"CONSUMER.INFO.{stream}.{config.name}")
        except ApiError as error:
            if error.code == _NO_STREAM:
                raise NoStreamError(f"there is no stream {stream!r}") from error
            if error.code != _NO_CONSUMER:
                raise
            wanted |= _start(config)
        else:
            have = raw["config"]
            for name in ("deliver_policy", "opt_start_seq", "opt_start_time", "replay_policy"):
                if name in have:
                    wanted[name] = have[name]
        await self._stream_call(
            f"CONSUMER.CREATE.{stream}.{config.name}",
            stream,
            {"stream_name": stream, "config": wanted},
        )

    async def delete_consumer(self, stream: str, name: str) -> None:
        """Delete it."""
        try:
            await self._connection.call(f"CONSUMER.DELETE.{stream}.{name}")
        except ApiError as error:
            if error.code not in (_NO_STREAM, _NO_CONSUMER):
                raise

    async def consumers(self, stream: str) -> Sequence[ConsumerInfo]:
        """Every consumer of a stream."""
        return [
            _consumer_info(raw) for raw in await self._list(f"CONSUMER.LIST.{stream}", "consumers")
        ]

    async def consumer_info(self, stream: str, name: str) -> ConsumerInfo:
        """A consumer's state."""
        try:
            return _consumer_info(await self._stream_call(f"CONSUMER.INFO.{stream}.{name}", stream))
        except ApiError as error:
            if error.code == _NO_CONSUMER:
                raise NoConsumerError(f"stream {stream!r} has no consumer {name!r}") from error
            raise

    async def _stream_call(
        self, subject: str, stream: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            return await self._connection.call(subject, body)
        except ApiError as error:
            if error.code == _NO_STREAM:
                raise NoStreamError(f"there is no stream {stream!r}") from error
            raise

    async def _list(self, subject: str, member: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self._connection.call(subject, {"offset": len(found)})
            part = page.get(member) or []
            found += part
            if not part or len(found) >= page["total"]:
                return found


def _start(config: ConsumerConfig) -> dict[str, Any]:
    start = config.start
    chosen: dict[str, Any] = {"deliver_policy": start.at.value, "replay_policy": "instant"}
    match start.at:
        case StartAt.TIME:
            if start.time is None:
                raise BusError(f"consumer {config.name!r}: a start by time needs a time")
            chosen["opt_start_time"] = start.time.astimezone(UTC).isoformat()
        case StartAt.SEQUENCE:
            chosen["opt_start_seq"] = start.sequence
    return chosen


def _stream_info(raw: dict[str, Any]) -> StreamInfo:
    state = raw["state"]
    return StreamInfo(
        raw["config"]["name"],
        state["messages"],
        state["bytes"],
        state["first_seq"],
        state["last_seq"],
        raw["config"].get("metadata") or {},
    )


def _consumer_info(raw: dict[str, Any]) -> ConsumerInfo:
    return ConsumerInfo(
        raw["name"],
        raw["ack_floor"]["stream_seq"],
        raw["num_ack_pending"],
        raw["num_pending"],
        raw["config"].get("metadata") or {},
    )
