"""The bus on a real NATS server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from wakeful.eventbus import BusUnavailableError, ConsumerConfig, EventBus, StreamConfig
from wakeful.eventbus.jetstream.bus import JetStreamBus
from wakeful.eventbus.jetstream.pull import PullSubscription
from wakeful.eventbus.natsserver import NatsServer
from wakeful.testing.nats import NatsProcess
from wakeful.testing.suites.bus import EventBusSuite, texts
from wakeful.testing.waiting import eventually


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsProcess]:
    async with NatsProcess(tmp_path / "nats") as process:
        yield process


class TestJetStreamBus(EventBusSuite):
    @pytest.fixture
    async def bus(self, nats: NatsProcess) -> AsyncIterator[EventBus]:
        async with JetStreamBus(nats.access) as bus:
            yield bus


async def test_what_was_accepted_survives_the_death_of_the_server(nats: NatsProcess) -> None:
    """kill -9 while publishing: every acknowledged message is there, and reading goes on."""
    accepted: list[str] = []
    stop = asyncio.Event()

    async def produce(bus: EventBus, name: int) -> None:
        number = 0
        while not stop.is_set():
            text = f"{name}-{number}"
            number += 1
            try:
                await bus.publish("orders.new", text.encode())
            except BusUnavailableError:
                await asyncio.sleep(0.02)
            else:
                accepted.append(text)

    async with JetStreamBus(nats.access) as bus:
        await bus.ensure_stream(StreamConfig("orders", ("orders.>",)))
        await bus.ensure_consumer("orders", ConsumerConfig("one", ack_wait_seconds=1))
        subscription = await bus.subscribe("orders", "one")
        seen: set[str] = set()

        async def consume() -> None:
            while True:
                for message in await subscription.fetch(50):
                    seen.add(message.data.decode())
                    with contextlib.suppress(BusUnavailableError):
                        await message.ack()

        async with asyncio.TaskGroup() as group:
            consumer = group.create_task(consume())
            for name in range(10):
                group.create_task(produce(bus, name))
            for _ in range(2):
                enough = len(accepted) + 500
                await eventually(lambda enough=enough: len(accepted) > enough)
                nats.kill()
                nats.start()
            enough = len(accepted) + 100
            await eventually(lambda: len(accepted) > enough)
            stop.set()
            await eventually(lambda: seen.issuperset(accepted), every=0.05)
            consumer.cancel()


async def test_strangers_are_not_let_in(nats: NatsProcess) -> None:
    async with JetStreamBus(nats.access):
        pass
    stranger = NatsServer(nats.access.url, nats.access.user, "wrong")
    with pytest.raises(BusUnavailableError):
        async with JetStreamBus(stranger, connect_seconds=1):
            pass
    for path in (nats.paths.config, nats.paths.access):
        assert path.stat().st_mode & 0o077 == 0


async def test_pulls_that_end_are_renewed(
    nats: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle reader still reads when its request has expired on the server."""
    ended: list[Msg] = []
    on_status = PullSubscription.status

    def status(subscription: PullSubscription, msg: Msg) -> None:
        ended.append(msg)
        on_status(subscription, msg)

    monkeypatch.setattr("wakeful.eventbus.jetstream.pull._EXPIRES_SECONDS", 0.1)
    monkeypatch.setattr(PullSubscription, "status", status)
    async with JetStreamBus(nats.access) as bus:
        await bus.ensure_stream(StreamConfig("orders", ("orders.>",)))
        await bus.ensure_consumer("orders", ConsumerConfig("one"))
        subscription = await bus.subscribe("orders", "one")
        waiting = asyncio.create_task(texts(subscription, 1))
        await eventually(lambda: len(ended) >= 3)
        await bus.publish("orders.new", b"late")
        assert await waiting == ["late"]
