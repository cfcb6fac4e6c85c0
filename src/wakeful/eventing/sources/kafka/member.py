"""One member of a consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from wakeful.aio import Backoff, Clock, kept_cancellation, retry
from wakeful.eventbus.kafka import KafkaConnection, KafkaUnavailableError, Record
from wakeful.eventbus.kafka.errors import translated
from wakeful.eventing.sources.kafka.lane import Deliver, Lane

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

log = structlog.get_logger("wakeful.eventing.kafka")

_START_SECONDS = 15.0
_DRAIN_SECONDS = 2.0
_END_SECONDS = 5.0
_COMMIT_EVERY_SECONDS = 0.1
_MOST_FETCHED = 500


@dataclass(frozen=True, slots=True)
class Membership:
    """Which group, what it consumes, and how."""

    connection: KafkaConnection
    group: str
    topics: tuple[str, ...]
    ordered: bool = True


class Member:
    """Consumes its share of the partitions and commits what was delivered.

    ``report`` is told of trouble with the cluster, and with "" when it is over.
    """

    def __init__(
        self, what: Membership, deliver: Deliver, report: Callable[[str], None], clock: Clock
    ) -> None:
        self._what, self._deliver, self._report, self._clock = what, deliver, report, clock

    async def run(self) -> None:
        """Consume until cancelled; a cluster that is away is tried again, ever more slowly.

        When cancelled, what was delivered is committed before the group is left.
        """
        backoff = Backoff(base=0.5, cap=30)

        async def consume() -> None:
            trouble: Exception | None = None
            try:
                await self._consume(backoff)
            except* (KafkaUnavailableError, ValueError) as group:
                trouble = _first(group)
            raise trouble or KafkaUnavailableError("the consumer ended by itself")

        def tell(err: Exception, delay: float) -> None:
            self._report(str(err))
            log.warning("consumer lost its cluster", group=self._what.group, error=str(err))

        trouble = (KafkaUnavailableError, ValueError)
        await retry(consume, trouble, backoff=backoff, tell=tell, clock=self._clock)

    async def _consume(self, backoff: Backoff) -> None:
        async with self._consumer() as consumer, asyncio.TaskGroup() as group:
            share = _Share(consumer, self._what, self._deliver, group)
            consumer.subscribe(self._what.topics, listener=_listener(share))
            committing = group.create_task(share.commit_now_and_then())
            self._report("")
            backoff.reset()
            try:
                with translated(self._what.connection.text):
                    await share.fetch()
            finally:
                committing.cancel()
                await share.give_up_all()

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        from aiokafka import AIOKafkaConsumer

        what = self._what
        consumer = AIOKafkaConsumer(
            **what.connection.options(),
            group_id=what.group,
            client_id="wakeful",
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # where to start was committed before we came
            isolation_level="read_committed",
            heartbeat_interval_ms=1000,
            metadata_max_age_ms=30_000,
        )
        with kept_cancellation():
            try:
                with translated(what.connection.text):
                    async with asyncio.timeout(_START_SECONDS):
                        await consumer.start()
                yield consumer
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_END_SECONDS):
                        await consumer.stop()


class _Share:
    """The partitions that are ours at the moment."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        what: Membership,
        deliver: Deliver,
        group: asyncio.TaskGroup,
    ) -> None:
        self._consumer, self._what, self._deliver, self._group = consumer, what, deliver, group
        self._lanes: dict[TopicPartition, tuple[Lane, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._is_over = False

    async def fetch(self) -> None:
        """Fetch until cancelled; partitions whose records wait for delivery pause."""
        while True:
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=_MOST_FETCHED)
            for partition, records in fetched.items():
                found = self._lanes.get(partition)
                if found is not None:
                    await found[0].put(map(as_record, records))
            ours = self._consumer.assignment()
            paused = self._consumer.paused()
            for partition, (lane, _) in self._lanes.items():
                if partition not in ours:
                    continue
                if partition in paused:
                    if lane.wants_more:
                        self._consumer.resume(partition)
                elif lane.is_full:
                    self._consumer.pause(partition)

    async def commit_now_and_then(self) -> None:
        """Commit soon after something was delivered, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._commit(self._lanes)
            await asyncio.sleep(_COMMIT_EVERY_SECONDS)

    async def take(self, partitions: Iterable[TopicPartition]) -> None:
        """Partitions became ours; a member that leaves already leaves them alone."""
        if self._is_over:
            return
        for partition in partitions:
            lane = Lane(self._deliver, self._changed, ordered=self._what.ordered)
            name = f"kafka:{self._what.group}:{partition.topic}:{partition.partition}"
            self._lanes[partition] = lane, self._group.create_task(lane.run(), name=name)

    async def give_up_all(self) -> None:
        """The member leaves; bounded in time."""
        self._is_over = True
        with suppress(TimeoutError, KafkaUnavailableError):
            async with asyncio.timeout(_END_SECONDS):
                await self.give_up(list(self._lanes))

    async def give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Partitions go to others: end what is under way, commit, forget."""
        lanes = {p: self._lanes[p] for p in partitions if p in self._lanes}
        await asyncio.gather(*(lane.drain(_DRAIN_SECONDS) for lane, _ in lanes.values()))
        for _, task in lanes.values():
            task.cancel("the partition is not ours any more")
        await self._commit(lanes)
        for partition in lanes:
            self._lanes.pop(partition, None)

    async def _commit(self, lanes: dict[TopicPartition, tuple[Lane, asyncio.Task[None]]]) -> None:
        from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

        offsets = {
            partition: offset
            for partition, (lane, _) in lanes.items()
            if (offset := lane.to_commit()) is not None
        }
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions are another member's by now; it delivers again what we could not say.
            log.info("offsets not committed", group=self._what.group, error=str(error))
        except KafkaError as error:
            log.warning("offsets not committed", group=self._what.group, error=str(error))
            self._changed.set()
        else:
            for partition, offset in offsets.items():
                lanes[partition][0].committed(offset)


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    """The first error that is no group."""
    error: Exception = errors
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _listener(share: _Share) -> Any:
    """A listener for the client library, whose base class is only there once it is loaded."""
    from aiokafka import ConsumerRebalanceListener

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc] # has no types
        async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
            await share.give_up(list(revoked))

        async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
            await share.take(assigned)

    return Listener()


def as_record(record: ConsumerRecord[bytes | None, bytes | None]) -> Record:
    """The client library's record as ours."""
    return Record(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
