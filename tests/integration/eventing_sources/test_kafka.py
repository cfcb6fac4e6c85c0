"""KafkaSources from the object to the event at the sink, with a real broker."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from wakeful.apis.core import Secret
from wakeful.apis.sources import KafkaSource, LegacyKafkaSource
from wakeful.eventbus.kafka import AioKafkaAdmin, KafkaConnection
from wakeful.testing.kafka import kafka_broker
from wakeful.testing.ports import held_port

from .conftest import Stage

TODAY, OLD = "sources.knative.dev/v1beta1", "sources.eventing.knative.dev/v1alpha1"
SECONDS = 60
"""Tansu lets a new group wait for other members, which takes it five seconds."""


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with kafka_broker() as address:
        yield address


@pytest.fixture
def away() -> Iterator[str]:
    """Where nobody listens."""
    with held_port() as port:
        yield f"127.0.0.1:{port}"


def a_source(
    stage: Stage, broker: str, name: str, api_version: str = TODAY, **spec: Any
) -> dict[str, Any]:
    servers = broker if api_version == OLD else [broker]
    topics = name if api_version == OLD else [name]
    given = {
        "consumerGroup": f"{name}-group",
        "bootstrapServers": servers,
        "topics": topics,
        "sink": {"uri": stage.sink.url},
    }
    return {
        "apiVersion": api_version,
        "kind": "KafkaSource",
        "metadata": {"name": name},
        "spec": given | spec,
    }


async def topic(broker: str, name: str, partitions: int = 1) -> None:
    await AioKafkaAdmin().ensure_topic(
        KafkaConnection((broker,)), name, partitions=partitions, replicas=1, settings={}
    )


async def produce(broker: str, name: str, value: bytes, **more: Any) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        await producer.send_and_wait(name, value, **more)


async def reason(stage: Stage, name: str, condition: str) -> str:
    return await stage.reason(KafkaSource, name, condition)


async def test_the_books_source_sends_what_was_in_the_topic_before(
    stage: Stage, broker: str
) -> None:
    """Comma strings, the earliest record first, and the event that the book shows."""
    await topic(broker, "demo")
    await produce(broker, "demo", b'{"key": "test"}', key=b"demo")

    await stage.apply(a_source(stage, broker, "demo", OLD))
    source = await stage.ready(LegacyKafkaSource, "demo")
    await stage.world.eventually(lambda: bool(stage.sink.events), seconds=SECONDS)

    (event,) = stage.sink.events
    assert event.type == "dev.knative.kafka.event"
    assert event.source == "/apis/v1/namespaces/default/kafkasources/demo#demo"
    assert event.id == "partition:0/offset:0"
    assert event.extensions == {"key": "demo"}
    assert (event.datacontenttype, event.data) == ("application/json", b'{"key": "test"}')
    assert source.status.consumers == 1
    assert [a.source for a in source.status.ce_attributes] == [event.source]


async def test_todays_source_begins_now(stage: Stage, broker: str) -> None:
    """What was in the topic before is not sent; two members, and records in any order."""
    await topic(broker, "now", partitions=2)
    await produce(broker, "now", b"before")
    await stage.apply(a_source(stage, broker, "now", consumers=2, ordering="unordered"))
    await stage.ready(KafkaSource, "now")

    await produce(broker, "now", b"after", headers=[("content-type", b"text/plain")])
    await stage.world.eventually(lambda: bool(stage.sink.events), seconds=SECONDS)

    (event,) = stage.sink.events
    assert (event.datacontenttype, event.data) == ("text/plain", b"after")
    assert event.extensions["knativekafkapartition"] in (0, 1, "0", "1")
    await stage.world.client.patch(KafkaSource, "now", "default", {"spec": {"consumers": 0}})

    async def rests() -> bool:
        found = await stage.read(KafkaSource, "now")
        return found.status.is_ready and found.status.consumers == 0

    await stage.world.eventually(rests)


async def test_what_is_wrong_is_said(stage: Stage, away: str) -> None:
    """A cluster that is away, a Secret that is missing and then is not."""
    await stage.apply(a_source(stage, away, "away"))
    said = await reason(stage, "away", "ConnectionEstablished")
    assert said.startswith(f"ConnectionFailed: {away}: ")

    sasl: Mapping[str, Any] = {
        "enable": True,
        "user": {"secretKeyRef": {"name": "kafka", "key": "user"}},
        "password": {"secretKeyRef": {"name": "kafka", "key": "password"}},
    }
    await stage.apply(a_source(stage, away, "locked", net={"sasl": sasl}))
    said = await reason(stage, "locked", "ConnectionEstablished")
    assert said == "SecretUnusable: Secret 'kafka' does not exist"

    data = {k: base64.b64encode(b"hidden-word").decode() for k in ("user", "password")}
    meta = {"name": "kafka", "namespace": "default"}
    await stage.world.client.create(Secret.from_wire({"metadata": meta, "data": data}))

    async def tried() -> bool:
        found = await stage.read(KafkaSource, "locked")
        condition = found.status.condition("ConnectionEstablished")
        assert "hidden-word" not in str(found.to_wire())
        return condition.reason == "ConnectionFailed"

    await stage.world.eventually(tried)
