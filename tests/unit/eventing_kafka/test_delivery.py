from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.sources import KafkaSource, LegacyKafkaSource
from wakeful.cloudevents import Event, from_http
from wakeful.eventbus.kafka import Record
from wakeful.eventing.delivery import BackoffPolicy, Outcome, Response, RetryPolicy
from wakeful.eventing.sources.kafka.delivery import RecordDelivery, make_dead_letter
from wakeful.eventing.sources.kafka.plan import PATIENCE, KafkaPlan, plan_kafka

SINK, LETTERS = "http://display.default.svc.cluster.local", "http://letters.default.svc"
RECORD = Record("demo", 0, 4, 0, b"k", b"{}")


def a_source(**spec: Any) -> KafkaSource:
    source = KafkaSource.from_wire(
        {
            "spec": {
                "bootstrapServers": ["k:9092"],
                "topics": ["demo"],
                "consumerGroup": "g",
                **spec,
            },
            "status": {
                "sinkUri": SINK,
                "conditions": [
                    {"type": "SinkProvided", "status": "True"},
                    {"type": "InitialOffsetsCommitted", "status": "True"},
                ],
            },
        }
    )
    source.metadata = ObjectMeta(name="it", namespace="default")
    return source


def a_plan(**spec: Any) -> KafkaPlan:
    plan = plan_kafka(a_source(**spec))
    assert plan is not None
    return plan


class FakeSender:
    """Answers by URL, and remembers what it was given."""

    def __init__(self, **statuses: int | None) -> None:
        self._statuses = statuses
        self.sent: list[tuple[str, Event]] = []

    async def deliver(
        self,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        policy: RetryPolicy,
        *,
        ca_certs: str = "",
    ) -> tuple[Outcome, Response | None, int]:
        self.sent.append((url, from_http(dict(headers), body)))
        status = self._statuses["letters" if url == LETTERS else "sink"]
        if status is None:
            return Outcome(None, "nobody listens"), None, 1
        return Outcome(status), Response(status, [("kne-why", "full")], b"too big"), 1


async def deliver(plan: KafkaPlan, sender: FakeSender) -> list[str]:
    lost: list[str] = []
    await RecordDelivery(sender, plan, lost.append)(RECORD)
    return lost


async def test_what_the_sink_takes_goes_nowhere_else() -> None:
    """One event, with the source's overrides."""
    sender = FakeSender(sink=202)

    lost = await deliver(a_plan(ceOverrides={"extensions": {"env": "test"}}), sender)

    assert lost == []
    assert [url for url, _ in sender.sent] == [SINK]
    assert sender.sent[0][1].extensions["env"] == "test"


async def test_the_dead_letter_sink_hears_what_happened() -> None:
    """Address, status, body, and what the sink said in headers of its own."""
    source = a_source()
    source.status.dead_letter_sink_uri = LETTERS
    plan = plan_kafka(source)
    assert plan is not None
    sender = FakeSender(sink=500, letters=200)

    lost = await deliver(plan, sender)

    assert lost == []
    url, letter = sender.sent[1]
    assert url == LETTERS
    assert letter.extensions["knativeerrordest"] == SINK
    assert letter.extensions["knativeerrorcode"] == "500"
    assert letter.extensions["knativeerrordata"] == base64.b64encode(b"too big").decode()
    assert letter.extensions["why"] == "full"


async def test_what_nobody_takes_is_told() -> None:
    """The record is named, so that it can be found in its topic."""
    lost = await deliver(a_plan(), FakeSender(sink=None))

    assert lost == [f"{SINK} did not take topic demo partition 0 offset 4: nobody listens"]


def test_error_data_is_cut() -> None:
    """1024 bytes of the body, before they are encoded."""
    event = Event(id="1", source="/", type="t")

    letter = make_dead_letter(event, SINK, Outcome(400), Response(400, [], b"x" * 5000))

    data = letter.extensions["knativeerrordata"]
    assert base64.b64decode(str(data)) == b"x" * 1024


def test_nothing_is_planned_before_all_is_known() -> None:
    """No sink, no offsets, no consumers: no adapter."""
    assert plan_kafka(KafkaSource()) is None
    assert plan_kafka(LegacyKafkaSource()) is None
    assert plan_kafka(a_source(consumers=0)) is None
    waiting = a_source()
    waiting.status.mark_offsets_not_committed("not yet")
    assert plan_kafka(waiting) is None


def test_delivery_is_read_in_numbers() -> None:
    """Sources that say nothing are patient for a long time."""
    assert a_plan().patience == PATIENCE
    delivery = {"retry": 3, "backoffPolicy": "linear", "backoffDelay": "PT0.5S", "timeout": "PT2S"}

    assert a_plan(delivery=delivery).patience == RetryPolicy(3, BackoffPolicy.LINEAR, 0.5, 2.0)
