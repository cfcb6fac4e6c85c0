"""The book's chapter about Kafka, and what KafkaSources do today, with a broker of the test's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from wakeful.testing.kafka import kafka_broker
from wakeful.testing.platform import Platform, until
from wakeful.testing.services import Namespace

pytestmark = pytest.mark.usefixtures("unhurried")

BOOK = Path(__file__).parent / "book"
OLD, TODAY = "kafkasources.sources.eventing.knative.dev", "kafkasources.sources.knative.dev"
PRINTED_SERVERS = "192.168.0.6x:9092,192.168.0.7x:9092,192.168.0.8x:9092"
SECONDS = 90
"""The tests' broker lets each new member of a group wait five seconds for others."""


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with kafka_broker() as address:
        yield address


@pytest.fixture(scope="module")
def kafka(platform: Platform) -> Iterator[Namespace]:
    platform.kubectl("create", "namespace", "kafka")
    where = Namespace(platform, "kafka")
    where.kubectl("apply", "-f", str(BOOK / "kafka-display.yaml"))
    where.ready("event-display")
    try:
        yield where
    finally:
        platform.kubectl("delete", "namespace", "kafka", "--wait=false")


def produce(broker: str, topic: str, value: bytes | None, **more: Any) -> None:
    async def run() -> None:
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            await producer.send_and_wait(topic, value, **more)

    asyncio.run(run())


def shown(where: Namespace, *texts: str) -> str:
    """Wait until an event with all of these texts was displayed, and return it."""
    selector = "serving.knative.dev/service=event-display"

    def found() -> str:
        logs = where.kubectl("logs", "-l", selector, "-c", "user-container", "--tail=-1").out
        events = re.split("☁️", logs)[1:]
        return next((event for event in events if all(text in event for text in texts)), "")

    event: str = until(found, seconds=SECONDS, what=f"event-display shows {texts}")
    return event


def ready(where: Namespace, source: str) -> None:
    where.kubectl("wait", source, "--for=condition=Ready", "--timeout=100s")


def test_the_books_source(kafka: Namespace, broker: str) -> None:
    """Its own listing but for the servers; the event is the one it prints."""
    produce(broker, "demo", b'{"key": "test"}', key=b"demo")

    listing = (BOOK / "kafka-source.yaml").read_text().replace(PRINTED_SERVERS, broker)
    kafka.kubectl("apply", "-f", "-", stdin=listing)
    ready(kafka, f"{OLD}/alikafka-source")

    event = shown(kafka, "#demo")
    assert "Type: dev.knative.kafka.event" in event
    assert "Source: /apis/v1/namespaces/kafka/kafkasources/alikafka-source#demo" in event
    assert re.search(r"ID: partition:\d+/offset:0", event)
    assert "key: demo" in event
    assert '"key": "test"' in event
    again = kafka.kubectl("apply", "-f", "-", stdin=listing).out
    assert "unchanged" in again
    changed = listing.replace("topics: demo", "topics: other")
    refused = kafka.kubectl("apply", "-f", "-", stdin=changed, check=False)
    assert "Immutable fields changed (-old +new): spec" in refused.err


def test_todays_source_from_an_event_to_more_consumers(kafka: Namespace, broker: str) -> None:
    """Events pass through, keys have types, and consumers come and go with the scale."""
    source = {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "KafkaSource",
        "metadata": {
            "name": "orders",
            "labels": {"kafkasources.sources.knative.dev/key-type": "int"},
        },
        "spec": {
            "bootstrapServers": [broker],
            "topics": ["orders"],
            "initialOffset": "earliest",
            "sink": {
                "ref": {
                    "apiVersion": "serving.knative.dev/v1",
                    "kind": "Service",
                    "name": "event-display",
                }
            },
            "ceOverrides": {"extensions": {"team": "blue"}},
        },
    }
    headers = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.made"}
    produce(
        broker,
        "orders",
        b'{"n": 1}',
        headers=[
            ("content-type", b"application/json"),
            *((f"ce_{name}", value.encode()) for name, value in headers.items()),
        ],
    )
    produce(broker, "orders", b"plain", key=(7).to_bytes(4))
    kafka.apply(source)
    ready(kafka, f"{TODAY}/orders")

    event = shown(kafka, "ID: e-1")
    for text in ("Type: order.made", "Source: /shop", "team: blue", "knativekafkaoffset: 0"):
        assert text in event
    assert "partitionkey: 7" in shown(kafka, "plain", "team: blue")

    kafka.kubectl("scale", f"{TODAY}/orders", "--replicas=2")
    until(lambda: kafka.get(f"{TODAY}/orders")["status"].get("consumers") == 2)
    ready(kafka, f"{TODAY}/orders")
    produce(broker, "orders", b"after")
    shown(kafka, "after", "team: blue")


def test_a_sink_writes_what_a_broker_took(kafka: Namespace, broker: str) -> None:
    """From the Broker through a Trigger into the topic, with the event's own key."""
    ref = {"apiVersion": "eventing.knative.dev/v1alpha1", "kind": "KafkaSink", "name": "audit"}
    kafka.apply(
        {
            "apiVersion": "eventing.knative.dev/v1alpha1",
            "kind": "KafkaSink",
            "metadata": {"name": "audit"},
            "spec": {
                "topic": "audit",
                "bootstrapServers": [broker],
                "numPartitions": 1,
                "replicationFactor": 1,
            },
        },
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Broker",
            "metadata": {"name": "default"},
        },
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Trigger",
            "metadata": {"name": "audit"},
            "spec": {"broker": "default", "subscriber": {"ref": ref}},
        },
    )
    names = ("kafkasink/audit", "broker/default", "trigger/audit")
    kafka.kubectl("wait", *names, "--for=condition=Ready", "--timeout=100s")
    sent = ["--id", "a-1", "--type", "done", "-e", "partitionkey=blue", "-d", "yes"]
    kafka.platform.wakeful("events", "send", *sent, "-n", kafka.name)

    async def first() -> tuple[bytes | None, bytes | None, dict[str, bytes]]:
        consumer = AIOKafkaConsumer("audit", bootstrap_servers=broker, auto_offset_reset="earliest")
        async with consumer, asyncio.timeout(SECONDS):
            record = await consumer.getone()
            return record.key, record.value, dict(record.headers)

    key, value, headers = asyncio.run(first())
    assert (key, value) == (b"blue", b"yes")
    assert headers["ce_id"] == b"a-1"
    assert headers["ce_type"] == b"done"


def test_what_is_wrong_is_said(kafka: Namespace) -> None:
    """At once when it can be seen, in the status when the cluster has to be asked."""
    text = (BOOK / "kafka-source.yaml").read_text().replace("alikafka-source", "lost")
    refused = kafka.kubectl(
        "apply", "-f", "-", stdin=text.replace("  topics: demo\n", ""), check=False
    )
    assert "missing field(s): spec.topics" in refused.err

    kafka.kubectl("apply", "-f", "-", stdin=text.replace(PRINTED_SERVERS, "127.0.0.1:1"))

    def reason() -> Any:
        conditions = kafka.get(f"{OLD}/lost")["status"].get("conditions", ())
        found = {c["type"]: c for c in conditions}.get("ConnectionEstablished", {})
        return found if found.get("status") == "False" else None

    said = until(reason)
    assert said["reason"] == "ConnectionFailed"
    assert "127.0.0.1:1" in said["message"]
