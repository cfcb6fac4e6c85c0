from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from wakeful.aio import SystemClock
from wakeful.eventbus.kafka import AioKafkaAdmin, InitialOffset, KafkaConnection, Record
from wakeful.eventing.sources.kafka.member import Member, Membership
from wakeful.testing.kafka import kafka_broker
from wakeful.testing.waiting import eventually


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with kafka_broker() as address:
        yield address


class Topic:
    """A topic with a group that starts at its beginning."""

    def __init__(self, broker: str, name: str, *, partitions: int, ordered: bool = True) -> None:
        self.broker, self.name, self.partitions = broker, name, partitions
        connection = KafkaConnection((broker,))
        self.what = Membership(connection, f"{name}-group", (name,), ordered)
        self.got: list[tuple[int, bytes | None]] = []
        self.reports: list[str] = []

    async def make(self) -> None:
        admin = AioKafkaAdmin()
        await admin.ensure_topic(
            self.what.connection, self.name, partitions=self.partitions, replicas=1, settings={}
        )
        await admin.commit_initial_offsets(
            self.what.connection,
            self.what.group,
            {self.name: range(self.partitions)},
            InitialOffset.EARLIEST,
        )

    async def produce(self, *values: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.broker) as producer:
            for number, value in enumerate(values):
                await producer.send_and_wait(self.name, value, partition=number % self.partitions)

    async def deliver(self, record: Record) -> None:
        self.got.append((record.partition, record.value))

    def member(self) -> Member:
        return Member(self.what, self.deliver, self.reports.append, SystemClock())

    async def committed(self) -> list[int | None]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker, group_id=self.what.group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            tps = [TopicPartition(self.name, number) for number in range(self.partitions)]
            return [await consumer.committed(tp) for tp in tps]
        finally:
            await consumer.stop()


async def test_records_come_in_order_and_only_what_was_delivered_is_committed(
    broker: str,
) -> None:
    """A record that hangs holds up its own partition; whoever comes next begins with it."""
    topic = Topic(broker, "in-order", partitions=2)
    await topic.make()
    values = [b"%d" % number for number in range(20)]
    await topic.produce(*values)
    delivered = topic.deliver

    async def deliver(record: Record) -> None:
        await delivered(record)
        if record.value == b"4":
            await asyncio.Event().wait()

    topic.deliver = deliver
    task = asyncio.create_task(topic.member().run())
    await eventually(lambda: len(set(topic.got)) == 13)
    task.cancel()
    await asyncio.wait([task])

    got = list(dict.fromkeys(topic.got))  # a member that was slow for a while begins again
    assert [v for p, v in got if p == 0] == [b"0", b"2", b"4"]
    assert [v for p, v in got if p == 1] == values[1::2]
    assert await topic.committed() == [2, 10]


async def test_members_share_the_partitions(broker: str) -> None:
    """Two members get everything once, each from its own partitions."""
    topic = Topic(broker, "shared", partitions=4, ordered=False)
    await topic.make()
    seen: dict[str, set[int]] = {"one": set(), "two": set()}

    def a_member(name: str) -> Member:
        async def deliver(record: Record) -> None:
            seen[name].add(record.partition)
            await topic.deliver(record)

        return Member(topic.what, deliver, topic.reports.append, SystemClock())

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(a_member(name).run()) for name in seen]
        rounds = 0
        async with asyncio.timeout(60):
            while not (seen["one"] and seen["two"]):
                rounds += 1
                await topic.produce(*(b"%d.%d" % (rounds, n) for n in range(4)))
                await asyncio.sleep(0.2)
        await eventually(lambda: len({v for _, v in topic.got}) == rounds * 4)
        for task in tasks:
            task.cancel()

    assert len(seen["one"] | seen["two"]) == 4


async def test_a_cluster_that_comes_late_is_waited_for(broker: str) -> None:
    """Trouble is reported, and its end."""
    topic = Topic(broker, "late", partitions=1)
    await topic.make()
    await topic.produce(b"x")
    away = Membership(KafkaConnection(("127.0.0.1:1",)), "g", ("late",))
    reports: list[str] = []
    lost = asyncio.create_task(Member(away, topic.deliver, reports.append, SystemClock()).run())
    await eventually(lambda: bool(reports))
    lost.cancel()
    await asyncio.wait([lost])

    assert "127.0.0.1:1" in reports[0]
