"""The partitions of a member that comes and goes."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import TopicPartition

from wakeful.eventbus.kafka import KafkaConnection, Record
from wakeful.eventing.sources.kafka.member import Membership, _Share

PARTITION = TopicPartition("orders", 0)


async def deliver(_record: Record) -> None:
    return


async def test_a_member_that_leaves_takes_no_more_partitions() -> None:
    """The client library may still assign some while it is told to stop; nobody would run them."""
    what = Membership(KafkaConnection(("127.0.0.1:1",)), "group", ("orders",))
    consumer: Any = None
    async with asyncio.TaskGroup() as group:
        share = _Share(consumer, what, deliver, group)
        await share.take([PARTITION])
        assert list(share._lanes) == [PARTITION]
        await share.give_up_all()
    await share.take([PARTITION])
    assert not share._lanes
