"""The event bus in this process's memory: for tests, and as the plainest statement of its rules."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from wakeful.eventbus.bus import (
    ConsumerConfig,
    ConsumerInfo,
    Message,
    NoConsumerError,
    NoStreamError,
    Retention,
    StartAt,
    StreamConfig,
    StreamFullError,
    StreamInfo,
)


def subject_matches(pattern: str, subject: str) -> bool:
    """Whether a subject is one of a pattern's: ``*`` is one token, ``>`` one or more at the end."""
    wanted, tokens = pattern.split("."), subject.split(".")
    for index, part in enumerate(wanted):
        if part == ">":
            return len(tokens) > index
        if index >= len(tokens) or part not in ("*", tokens[index]):
            return False
    return len(wanted) == len(tokens)


@dataclass(slots=True)
class _Stored:
    sequence: int
    subject: str
    data: bytes
    timestamp: float


@dataclass(slots=True)
class _Consumer:
    config: ConsumerConfig
    next_sequence: int
    unacked: dict[int, float] = field(default_factory=dict)
    """Sequence to the time of its redelivery."""
    deliveries: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    gone: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, stored: _Stored) -> bool:
        filters = self.config.filter_subjects
        return not filters or any(subject_matches(f, stored.subject) for f in filters)


@dataclass(slots=True)
class _Stream:
    config: StreamConfig
    stored: deque[_Stored] = field(default_factory=deque)
    last: int = 0
    consumers: dict[str, _Consumer] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(len(m.data) + len(m.subject) + 32 for m in self.stored)

    def expire(self, now: float) -> None:
        age = self.config.max_age_seconds
        while age and self.stored and self.stored[0].timestamp < now - age:
            self.stored.popleft()

    def drop_consumed(self) -> None:
        if self.config.retention is Retention.INTEREST:
            self.stored = deque(
                m
                for m in self.stored
                if any(c.wants(m) and m.sequence not in c.done for c in self.consumers.values())
            )


class MemoryMessage:
    """A message on its way to one consumer."""

    def __init__(self, stream: _Stream, consumer: _Consumer, stored: _Stored) -> None:
        self._stream, self._consumer, self._stored = stream, consumer, stored
        self.subject, self.data = stored.subject, stored.data
        self.sequence, self.timestamp = stored.sequence, stored.timestamp
        self.deliveries = consumer.deliveries[stored.sequence]

    async def ack(self) -> None:
        """It is done with."""
        self._consumer.unacked.pop(self.sequence, None)
        self._consumer.done.add(self.sequence)
        self._stream.drop_consumed()
        self._consumer.news.set()

    async def term(self) -> None:
        """Never deliver it again."""
        await self.ack()

    async def nak(self, delay_seconds: float = 0) -> None:
        """Deliver it again later."""
        if self.sequence in self._consumer.unacked:
            self._consumer.unacked[self.sequence] = time.monotonic() + delay_seconds
            self._consumer.news.set()

    async def in_progress(self) -> None:
        """Being worked on."""
        await self.nak(self._consumer.config.ack_wait_seconds)


class MemorySubscription:
    """Reads one consumer."""

    def __init__(self, stream: _Stream, consumer: _Consumer) -> None:
        self._stream, self._consumer = stream, consumer

    async def fetch(self, most: int) -> Sequence[Message]:
        """Return what is due, or wait for it."""
        consumer = self._consumer
        while True:
            if consumer.gone:
                raise NoConsumerError(f"consumer {consumer.config.name!r} is gone")
            consumer.news.clear()
            found = self._take(most)
            if found:
                return found
            due = min(consumer.unacked.values(), default=None)
            try:
                async with asyncio.timeout(due - time.monotonic() if due is not None else None):
                    await consumer.news.wait()
            except TimeoutError:
                continue

    def _take(self, most: int) -> list[Message]:
        stream, consumer, now = self._stream, self._consumer, time.monotonic()
        stream.expire(time.time())
        wait = consumer.config.ack_wait_seconds
        due = {sequence for sequence, at in consumer.unacked.items() if at <= now}
        found: list[Message] = []
        for stored in stream.stored:
            if len(found) == most:
                break
            is_new = stored.sequence >= consumer.next_sequence and consumer.wants(stored)
            if stored.sequence not in due and not is_new:
                continue
            if is_new and len(consumer.unacked) >= consumer.config.max_ack_pending:
                break
            consumer.unacked[stored.sequence] = now + wait
            consumer.deliveries[stored.sequence] = consumer.deliveries.get(stored.sequence, 0) + 1
            consumer.next_sequence = max(consumer.next_sequence, stored.sequence + 1)
            found.append(MemoryMessage(stream, consumer, stored))
        return found

    async def aclose(self) -> None:
        """Nothing is held that was not fetched."""


class MemoryBus:
    """Streams that end with the process."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def publish(self, subject: str, data: bytes) -> int:
        """Return the sequence."""
        for stream in self._streams.values():
            if any(subject_matches(pattern, subject) for pattern in stream.config.subjects):
                return self._store(stream, subject, data)
        raise NoStreamError(f"nobody stores {subject!r}")

    def _store(self, stream: _Stream, subject: str, data: bytes) -> int:
        limit = stream.config.max_bytes
        if 0 < limit < stream.size + len(data):
            raise StreamFullError(f"{subject}: maximum bytes exceeded")
        stream.last += 1
        stored = _Stored(stream.last, subject, data, time.time())
        stream.stored.append(stored)
        stream.drop_consumed()
        for consumer in stream.consumers.values():
            consumer.news.set()
        return stream.last

    async def ensure_stream(self, config: StreamConfig) -> None:
        """Create the stream, or change it."""
        have = self._streams.get(config.name)
        if have is None:
            self._streams[config.name] = _Stream(config)
        else:
            have.config = config

    async def delete_stream(self, name: str) -> None:
        """Delete it."""
        stream = self._streams.pop(name, None)
        for consumer in stream.consumers.values() if stream is not None else ():
            _end(consumer)

    async def streams(self, prefix: str = "") -> Sequence[StreamInfo]:
        """Every stream whose name begins with ``prefix``."""
        return [_info(s) for name, s in self._streams.items() if name.startswith(prefix)]

    async def stream_info(self, name: str) -> StreamInfo:
        """A stream's state."""
        return _info(self._stream(name))

    async def trim(self, name: str, keep_from: int) -> None:
        """Delete messages before ``keep_from``."""
        stream = self._stream(name)
        stream.stored = deque(m for m in stream.stored if m.sequence >= keep_from)

    async def ensure_consumer(self, stream: str, config: ConsumerConfig) -> None:
        """Create the consumer, or change it."""
        where = self._stream(stream)
        have = where.consumers.get(config.name)
        if have is not None:
            have.config = replace(config, start=have.config.start)
        else:
            where.consumers[config.name] = _Consumer(config, _first(where, config))

    async def delete_consumer(self, stream: str, name: str) -> None:
        """Delete it."""
        where = self._streams.get(stream)
        consumer = where.consumers.pop(name, None) if where is not None else None
        if consumer is not None:
            _end(consumer)

    async def consumers(self, stream: str) -> Sequence[ConsumerInfo]:
        """Every consumer of a stream."""
        where = self._stream(stream)
        return [_state(where, consumer) for consumer in where.consumers.values()]

    async def consumer_info(self, stream: str, name: str) -> ConsumerInfo:
        """A consumer's state."""
        where = self._stream(stream)
        return _state(where, self._consumer(where, name))

    async def subscribe(self, stream: str, consumer: str) -> MemorySubscription:
        """Begin to read."""
        where = self._stream(stream)
        return MemorySubscription(where, self._consumer(where, consumer))

    def _stream(self, name: str) -> _Stream:
        try:
            return self._streams[name]
        except KeyError:
            raise NoStreamError(f"there is no stream {name!r}") from None

    @staticmethod
    def _consumer(stream: _Stream, name: str) -> _Consumer:
        try:
            return stream.consumers[name]
        except KeyError:
            raise NoConsumerError(
                f"stream {stream.config.name!r} has no consumer {name!r}"
            ) from None


def _end(consumer: _Consumer) -> None:
    consumer.gone = True
    consumer.news.set()


def _first(stream: _Stream, config: ConsumerConfig) -> int:
    start = config.start
    match start.at:
        case StartAt.NEW:
            return stream.last + 1
        case StartAt.SEQUENCE:
            return start.sequence or 1
        case StartAt.TIME:
            since = start.time.timestamp() if start.time is not None else 0
            found = (m.sequence for m in stream.stored if m.timestamp >= since)
            return next(found, stream.last + 1)
        case StartAt.ALL:
            return 1


def _info(stream: _Stream) -> StreamInfo:
    first = stream.stored[0].sequence if stream.stored else stream.last + 1
    return StreamInfo(
        stream.config.name,
        len(stream.stored),
        stream.size,
        first,
        stream.last,
        stream.config.metadata,
    )


def _state(stream: _Stream, consumer: _Consumer) -> ConsumerInfo:
    wanted = [m.sequence for m in stream.stored if consumer.wants(m)]
    floor = min(consumer.unacked, default=consumer.next_sequence) - 1
    pending = sum(sequence >= consumer.next_sequence for sequence in wanted)
    return ConsumerInfo(
        consumer.config.name, floor, len(consumer.unacked), pending, consumer.config.metadata
    )
