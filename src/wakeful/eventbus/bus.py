"""The durable log that events wait in: streams, durable consumers, acknowledgement, redelivery.

A message is in a stream once ``publish`` has returned, and goes to each consumer until that
consumer has acknowledged it. Everything else (what an event is, who gets it) is above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from wakeful.apimachinery.errors import WakefulError


class BusError(WakefulError):
    """The bus did not do what it was asked."""


class BusUnavailableError(BusError):
    """Nobody answered; a message may or may not have been stored."""


class NoStreamError(BusError):
    """No stream has this name, or takes this subject."""


class NoConsumerError(BusError):
    """The consumer does not exist (any more)."""


class StreamFullError(BusError):
    """The stream has reached its limits and takes nothing until some of it was consumed."""


class Storage(StrEnum):
    """Where a stream keeps its messages."""

    MEMORY = "memory"
    FILE = "file"


class Retention(StrEnum):
    """How long a stream keeps a message."""

    LIMITS = "limits"
    """Until it is trimmed or its limits are reached, consumed or not."""
    INTEREST = "interest"
    """Until every consumer has acknowledged it."""


class StartAt(StrEnum):
    """Where a new consumer begins."""

    ALL = "all"
    NEW = "new"
    TIME = "by_start_time"
    SEQUENCE = "by_start_sequence"


@dataclass(frozen=True, slots=True)
class Start:
    """A place in a stream. The default is everything that is there."""

    at: StartAt = StartAt.ALL
    time: datetime | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """A stream takes the messages of its subjects (``>`` and ``*`` as in NATS).

    A full one refuses what is published; it never drops what it has taken, except by age.
    """

    name: str
    subjects: tuple[str, ...]
    storage: Storage = Storage.FILE
    retention: Retention = Retention.LIMITS
    max_bytes: int = -1
    max_age_seconds: float = 0
    """0 for ever."""
    max_message_bytes: int = -1
    replicas: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """A durable reader of a stream; redelivers without limit until acknowledged."""

    name: str
    filter_subjects: tuple[str, ...] = ()
    """Only these; empty for all."""
    start: Start = Start()
    """Counts when the consumer is made; one that exists goes on where it is."""
    ack_wait_seconds: float = 30.0
    """A message not acknowledged (or reported in progress) for so long is delivered again."""
    max_ack_pending: int = 1000
    inactive_seconds: float = 0
    """The consumer goes when nobody pulled for so long; 0 never."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream's state."""

    name: str
    messages: int
    size_bytes: int
    first_sequence: int
    last_sequence: int
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerInfo:
    """A consumer's state."""

    name: str
    ack_floor: int
    """Every message up to this sequence was acknowledged (or is not for this consumer)."""
    ack_pending: int
    """Delivered and not acknowledged."""
    pending: int
    """Not delivered yet."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Message(Protocol):
    """One message on its way to one consumer."""

    @property
    def subject(self) -> str:
        """What it was published under."""
        ...

    @property
    def data(self) -> bytes:
        """What was published."""
        ...

    @property
    def sequence(self) -> int:
        """Its place in the stream."""
        ...

    @property
    def deliveries(self) -> int:
        """How often this consumer got it, this time included."""
        ...

    @property
    def timestamp(self) -> float:
        """When it was stored, in seconds since 1970."""
        ...

    async def ack(self) -> None:
        """It is done with. Not waited for: a lost acknowledgement means another delivery."""
        ...

    async def nak(self, delay_seconds: float = 0) -> None:
        """Deliver it again, not before ``delay_seconds`` have passed."""
        ...

    async def term(self) -> None:
        """Never deliver it again."""
        ...

    async def in_progress(self) -> None:
        """Being worked on: ``ack_wait`` begins anew."""
        ...


class Subscription(Protocol):
    """A reader's hold on a consumer; several may share one."""

    async def fetch(self, most: int) -> Sequence[Message]:
        """Return between one and ``most`` messages; waits for the first one.

        Raises:
            NoConsumerError: The consumer is gone.

        Cancellation: safe; what has arrived is returned by the next call.
        """
        ...

    async def aclose(self) -> None:
        """Take no more; what has arrived and was not fetched is given back."""
        ...


class EventBus(Protocol):
    """A connection to the log. All methods raise :class:`BusUnavailableError` when it is down."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def publish(self, subject: str, data: bytes) -> int:
        """Return the message's sequence once it is stored.

        Raises:
            NoStreamError: No stream takes the subject.
            StreamFullError: The stream takes nothing now.
        """
        ...

    async def ensure_stream(self, config: StreamConfig) -> None:
        """Create the stream, or change it to this."""
        ...

    async def delete_stream(self, name: str) -> None:
        """Delete it with everything in it; nothing happens when there is none."""
        ...

    async def streams(self, prefix: str = "") -> Sequence[StreamInfo]:
        """Every stream whose name begins with ``prefix``."""
        ...

    async def stream_info(self, name: str) -> StreamInfo:
        """A stream's state, or :class:`NoStreamError`."""
        ...

    async def trim(self, name: str, keep_from: int) -> None:
        """Delete messages before sequence ``keep_from``."""
        ...

    async def ensure_consumer(self, stream: str, config: ConsumerConfig) -> None:
        """Create the consumer, or change all but its place in the stream."""
        ...

    async def delete_consumer(self, stream: str, name: str) -> None:
        """Delete it; nothing happens when there is none."""
        ...

    async def consumers(self, stream: str) -> Sequence[ConsumerInfo]:
        """Every consumer of a stream."""
        ...

    async def consumer_info(self, stream: str, name: str) -> ConsumerInfo:
        """A consumer's state, or :class:`NoConsumerError`."""
        ...

    async def subscribe(self, stream: str, consumer: str) -> Subscription:
        """Begin to read; nothing is delivered before the first fetch."""
        ...
