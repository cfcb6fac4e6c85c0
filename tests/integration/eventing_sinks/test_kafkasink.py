"""KafkaSinks on the real API server, writing into a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis import make_scheme
from wakeful.apis.core import Namespace, Secret
from wakeful.apis.networking import Ingress
from wakeful.apis.sinks import KafkaSink, KafkaSinkSpec
from wakeful.apis.sinks.kafkasink_types import KAFKASINK_SERVICE
from wakeful.cloudevents import Event, to_http
from wakeful.eventbus.kafka import Record, from_record
from wakeful.eventing.sinks import JobSinkDoor, KafkaSinkReceiver
from wakeful.reconciler.sinks import add_sink_controllers
from wakeful.testing.kafka import kafka_broker
from wakeful.testing.ports import held_port
from wakeful.testing.world import World

EVENT = Event(
    id="42",
    source="/orders",
    type="order.placed",
    datacontenttype="application/json",
    extensions={"partitionkey": "blue"},
    data=b'{"n": 1}',
)


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with kafka_broker() as address:
        yield address


@pytest.fixture
def away() -> Iterator[str]:
    """Where nobody listens."""
    with held_port() as port:
        yield f"127.0.0.1:{port}"


def a_sink(broker: str, name: str = "orders", **spec: Any) -> KafkaSink:
    given = {"topic": name, "bootstrap_servers": [broker], **spec}
    meta = ObjectMeta(name=name, namespace="default")
    return KafkaSink(metadata=meta, spec=KafkaSinkSpec(**given))


async def records(broker: str, topic: str, partitions: int) -> list[Record]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker)
    await consumer.start()
    try:
        where = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(where)
        await consumer.seek_to_beginning(*where)
        found: list[Record] = []
        async with asyncio.timeout(60):
            while not found:
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    found += (
                        Record(r.topic, r.partition, r.offset, 0, r.key, r.value, r.headers)
                        for r in batch
                    )
        return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_what_is_sent_is_in_the_topic(broker: str, mode: str) -> None:
    """The topic is made as asked; 202 means that the brokers have the event."""
    world = World(make_scheme())
    receiver = KafkaSinkReceiver(world.manager.informer(KafkaSink), world.manager.informer(Secret))
    world.manager.add(receiver)
    world.manager.add(
        JobSinkDoor(world.client, receiver, "gateway.cluster.local", "ours", KAFKASINK_SERVICE)
    )
    add_sink_controllers(world.manager)
    await world.prepare()
    await world.client.create(Namespace(metadata=ObjectMeta(name="knative-eventing")))
    async with world.running(), aiohttp.ClientSession() as session:
        assert not receiver.listening.is_set()
        await world.given(
            a_sink(broker, mode, num_partitions=2, replication_factor=1, content_mode=mode)
        )

        async def ready() -> bool:
            found = await world.client.get(KafkaSink, mode, "default")
            return found.status.manager.is_happy

        await world.eventually(ready)
        found = await world.client.get(KafkaSink, mode, "default")
        assert found.status.address is not None
        assert found.status.address.url == (
            f"http://kafka-sink-ingress.knative-eventing.svc.cluster.local/default/{mode}"
        )

        async def is_open() -> bool:
            return bool((await world.client.list(Ingress, "knative-eventing")).items)

        await world.eventually(is_open)

        async def post(path: str, method: str = "POST", **changes: str) -> int:
            headers, body = to_http(EVENT)
            url = f"http://127.0.0.1:{receiver.port}{path}"
            async with session.request(method, url, headers=headers | changes, data=body) as answer:
                return answer.status

        async def taken() -> bool:  # the receiver's cache may be a moment behind
            return await post(f"/default/{mode}") == 202

        await world.eventually(taken)
        (record,) = await records(broker, mode, 2)
        assert record.key == b"blue"
        assert from_record(record) == EVENT
        assert (record.header("ce_id") is not None) == (mode == "binary")
        assert await post(f"/default/{mode}", "PUT") == 405
        assert await post("/default/other") == 404
        assert await post("/default") == 404
        assert await post(f"/default/{mode}", **{"ce-specversion": "9"}) == 400


async def test_what_is_wrong_is_said(away: str) -> None:
    """In the status when the cluster has to be asked, at once when not."""
    world = World(make_scheme())
    add_sink_controllers(world.manager)
    async with world.running():
        await world.given(a_sink(away))
        locked = {"auth": {"secret": {"ref": {"name": "kafka"}}}}
        sink = a_sink(away, "locked")
        sink.spec = KafkaSinkSpec.from_wire(sink.spec.to_wire() | locked)
        await world.given(sink)

        async def said(name: str, condition: str) -> str:
            found = await world.client.get(KafkaSink, name, "default")
            about = found.status.condition(condition)
            return f"{about.reason}: {about.message}" if about and about.is_false else ""

        text = await world.eventually(lambda: said("orders", "TopicReady"))
        assert text.startswith(f"ConnectionFailed: {away}: ")
        text = await world.eventually(lambda: said("locked", "ConfigParsed"))
        assert text == "AuthSecretUnusable: Secret 'kafka' does not exist"

        for changes, fault in (
            ({"topic": ""}, "missing field(s): spec.topic"),
            ({"content_mode": "odd"}, "invalid value: odd: spec.contentMode"),
            ({"num_partitions": 0, "replication_factor": 1}, "invalid value: 0: spec.numPart"),
            ({"num_partitions": 2}, "missing field(s): spec.replicationFactor"),
        ):
            with pytest.raises(BadRequestError) as refused:
                await world.client.create(a_sink(away, "bad", **changes))
            assert fault in str(refused.value)
        sink = await world.client.get(KafkaSink, "orders", "default")
        sink.spec.topic = "other"
        with pytest.raises(BadRequestError, match=r"Immutable field updated: spec\.topic"):
            await world.client.update(sink)
