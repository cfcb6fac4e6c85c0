"""What every :class:`~wakeful.eventbus.EventBus` does; inherit and provide the ``bus`` fixture."""

# ruff: noqa: D102  (the names of the tests say it)

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from wakeful.eventbus import (
    ConsumerConfig,
    EventBus,
    Message,
    NoConsumerError,
    NoStreamError,
    Retention,
    Start,
    StartAt,
    Storage,
    StreamConfig,
    StreamFullError,
    Subscription,
)
from wakeful.testing.waiting import eventually

T = TypeVar("T")
STREAM = StreamConfig("orders", ("orders.>",), Storage.MEMORY)


async def texts(subscription: Subscription, count: int) -> list[str]:
    """Fetch, acknowledge and decode ``count`` messages."""
    found: list[Message] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            found += await subscription.fetch(count - len(found))
    for message in found:
        await message.ack()
    return [message.data.decode() for message in found]


async def publish(bus: EventBus, *names: str, subject: str = "orders.new") -> list[int]:
    """Publish a message for each name and return their sequences."""
    return [await bus.publish(subject, name.encode()) for name in names]


async def nothing_more(subscription: Subscription, seconds: float = 0.2) -> None:
    """Assert that no message comes."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await subscription.fetch(1)


async def until(
    ask: Callable[[], Awaitable[T]], is_so: Callable[[T], bool], seconds: float = 60
) -> T:
    """Ask until it is so; return the answer."""
    answers: list[T] = []

    async def answered() -> bool:
        answers.append(await ask())
        return is_so(answers[-1])

    await eventually(answered, seconds=seconds)
    return answers[-1]


class EventBusSuite:
    """Streams, consumers, acknowledgement, redelivery."""

    async def test_what_is_published_comes_in_order_to_every_consumer(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        for name in ("one", "two"):
            await bus.ensure_consumer("orders", ConsumerConfig(name))

        assert await publish(bus, "a", "b", "c") == [1, 2, 3]

        for name in ("one", "two"):
            assert await texts(await bus.subscribe("orders", name), 3) == ["a", "b", "c"]

    async def test_fetch_waits_and_returns_what_comes(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one"))
        subscription = await bus.subscribe("orders", "one")
        waiting = asyncio.create_task(texts(subscription, 1))
        await asyncio.sleep(0.02)

        await publish(bus, "late")

        assert await waiting == ["late"]

    async def test_a_message_has_its_place_time_and_subject(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one"))
        before = datetime.now(UTC).timestamp()
        await publish(bus, "a", subject="orders.big")

        (message,) = await (await bus.subscribe("orders", "one")).fetch(1)

        assert (message.subject, message.sequence, message.deliveries) == ("orders.big", 1, 1)
        assert before - 1 < message.timestamp < before + 10

    async def test_filter_subjects_pick(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        wanted = ConsumerConfig("one", filter_subjects=("orders.*.paid", "orders.gift.open"))
        await bus.ensure_consumer("orders", wanted)
        for subject in ("orders.a.paid", "orders.a.open", "orders.gift.open"):
            await bus.publish(subject, subject.encode())

        subscription = await bus.subscribe("orders", "one")

        assert await texts(subscription, 2) == ["orders.a.paid", "orders.gift.open"]
        await nothing_more(subscription)

    async def test_refused_and_forgotten_messages_come_again(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one", ack_wait_seconds=0.5))
        subscription = await bus.subscribe("orders", "one")
        await publish(bus, "a", "b")
        first, _forgotten = [(await subscription.fetch(1))[0] for _ in range(2)]
        await first.nak()

        seen: dict[bytes, int] = {}
        async with asyncio.timeout(60):
            while len(seen) < 2:
                (again,) = await subscription.fetch(1)
                await again.ack()
                seen[again.data] = again.deliveries
        assert list(seen) == [b"a", b"b"]
        assert min(seen.values()) >= 2
        await nothing_more(subscription, 0.7)

    async def test_delays_are_kept_and_work_in_progress_is_left_alone(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one", ack_wait_seconds=1))
        subscription = await bus.subscribe("orders", "one")
        await publish(bus, "a", "b")
        later, busy = [(await subscription.fetch(1))[0] for _ in range(2)]

        await later.nak(2)
        for _ in range(4):
            await nothing_more(subscription, 0.3)
            await busy.in_progress()
        await busy.ack()

        assert await texts(subscription, 1) == ["a"]

    async def test_term_ends_it(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one", ack_wait_seconds=0.5))
        subscription = await bus.subscribe("orders", "one")
        await publish(bus, "a")

        await (await subscription.fetch(1))[0].term()

        await nothing_more(subscription, 0.7)

    async def test_no_more_is_given_than_may_be_unacknowledged(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one", max_ack_pending=1))
        subscription = await bus.subscribe("orders", "one")
        await publish(bus, "a", "b")

        (message,) = await subscription.fetch(10)
        await nothing_more(subscription)
        await message.ack()

        assert await texts(subscription, 1) == ["b"]

    async def test_a_consumer_begins_where_it_was_told_and_goes_on_where_it_was(
        self, bus: EventBus
    ) -> None:
        await bus.ensure_stream(STREAM)
        await publish(bus, "a", "b")
        await asyncio.sleep(0.02)
        middle = datetime.now(UTC)
        await asyncio.sleep(0.02)
        starts = {
            "all": Start(),
            "new": Start(StartAt.NEW),
            "time": Start(StartAt.TIME, time=middle),
            "second": Start(StartAt.SEQUENCE, sequence=2),
        }
        for name, start in starts.items():
            await bus.ensure_consumer("orders", ConsumerConfig(name, start=start))
        await publish(bus, "c")

        found = {
            name: await texts(await bus.subscribe("orders", name), count)
            for name, count in {"all": 3, "new": 1, "time": 1, "second": 2}.items()
        }

        assert found == {"all": ["a", "b", "c"], "new": ["c"], "time": ["c"], "second": ["b", "c"]}
        await bus.ensure_consumer("orders", ConsumerConfig("all", max_ack_pending=7))
        await publish(bus, "d")
        assert await texts(await bus.subscribe("orders", "all"), 1) == ["d"]

    async def test_streams_by_interest_forget_what_all_have_seen(self, bus: EventBus) -> None:
        config = StreamConfig("orders", ("orders.>",), Storage.MEMORY, Retention.INTEREST)
        await bus.ensure_stream(config)
        await publish(bus, "nobody")
        for name in ("one", "two"):
            await bus.ensure_consumer("orders", ConsumerConfig(name))
        await publish(bus, "a")

        assert await texts(await bus.subscribe("orders", "one"), 1) == ["a"]
        assert (await bus.stream_info("orders")).messages == 1
        assert await texts(await bus.subscribe("orders", "two"), 1) == ["a"]

        await until(lambda: bus.stream_info("orders"), lambda info: info.messages == 0)

    async def test_a_full_stream_says_so_and_loses_nothing(self, bus: EventBus) -> None:
        await bus.ensure_stream(
            StreamConfig("orders", ("orders.>",), Storage.MEMORY, max_bytes=4096)
        )
        await publish(bus, "x" * 1000, "x" * 1000)

        with pytest.raises(StreamFullError):
            await publish(bus, *["x" * 1000] * 20)

        assert 2 < (await bus.stream_info("orders")).messages < 5

    async def test_what_was_trimmed_is_gone(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await publish(bus, "a", "b", "c")

        await bus.trim("orders", 3)

        await bus.ensure_consumer("orders", ConsumerConfig("one"))
        assert await texts(await bus.subscribe("orders", "one"), 1) == ["c"]
        info = await bus.stream_info("orders")
        assert (info.messages, info.first_sequence, info.last_sequence) == (1, 3, 3)

    async def test_state_is_told(self, bus: EventBus) -> None:
        await bus.ensure_stream(
            StreamConfig("orders", ("orders.>",), Storage.MEMORY, metadata={"of": "test"})
        )
        await bus.ensure_consumer("orders", ConsumerConfig("one", metadata={"for": "me"}))
        await publish(bus, "a", "b", "c")
        subscription = await bus.subscribe("orders", "one")
        await (await subscription.fetch(1))[0].ack()

        (stream,) = await bus.streams("ord")
        assert (stream.name, stream.metadata["of"]) == ("orders", "test")
        info = await until(
            lambda: bus.consumer_info("orders", "one"), lambda info: info.ack_floor == 1
        )
        assert info.metadata["for"] == "me"
        assert [consumer.name for consumer in await bus.consumers("orders")] == ["one"]

    async def test_what_is_missing_is_named(self, bus: EventBus) -> None:
        with pytest.raises(NoStreamError, match="orders"):
            await bus.publish("orders.new", b"")
        with pytest.raises(NoStreamError, match="orders"):
            await bus.ensure_consumer("orders", ConsumerConfig("one"))
        await bus.ensure_stream(STREAM)
        with pytest.raises(NoConsumerError, match="one"):
            await bus.consumer_info("orders", "one")
        await bus.delete_consumer("orders", "one")
        await bus.delete_stream("other")

    async def test_a_reader_learns_that_its_consumer_is_gone(self, bus: EventBus) -> None:
        await bus.ensure_stream(STREAM)
        await bus.ensure_consumer("orders", ConsumerConfig("one"))
        subscription = await bus.subscribe("orders", "one")
        waiting = asyncio.create_task(subscription.fetch(1))
        await asyncio.sleep(0.05)

        await bus.delete_consumer("orders", "one")

        async with asyncio.timeout(60):
            with pytest.raises(NoConsumerError):
                await waiting
