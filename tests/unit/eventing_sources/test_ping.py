"""Events on a schedule: when, and what they carry."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.aio.clock import ManualClock
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.duck import Addressable
from wakeful.apis.sources import CronJobSource, PingSource
from wakeful.cloudevents import Event
from wakeful.eventing.delivery import Outcome
from wakeful.eventing.sources.emitter import SinkError
from wakeful.eventing.sources.ping import (
    PingAdapter,
    make_ping_event,
    plan_cronjob,
    plan_ping,
)
from wakeful.eventing.sources.target import Target

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Sink:
    """Takes events, at once or when told to."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.got = clock, list[tuple[float, Event]]()
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def emit(self, event: Event, target: Target, **_: Any) -> None:
        self.got.append((self.clock.monotonic(), event))
        await self.open.wait()
        if self.broken:
            raise SinkError(target, Outcome(503), 6)


class Notes:
    """A report that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def running(self) -> None:
        self.said.append("running")

    def trouble(self, fault: str) -> None:
        self.said.append(fault)

    def lost(self, reason: str) -> None:
        self.said.append(reason)


def ping(**spec: Any) -> PingSource:
    made = PingSource(metadata=ObjectMeta(name="p", namespace="default"))
    made.spec = type(made.spec).from_wire({"schedule": "* * * * *", **spec})
    made.status.mark_sink(Addressable(url="http://sink.test"))
    return made


def cron(**spec: Any) -> CronJobSource:
    made = CronJobSource(metadata=ObjectMeta(name="c", namespace="default"))
    made.spec = type(made.spec).from_wire({"schedule": "* * * * *", **spec})
    made.status.mark_sink(Addressable(url="http://sink.test"))
    return made


async def run_for(
    sink: Sink, source: PingSource, seconds: list[float], notes: Notes | None = None
) -> None:
    plan = plan_ping(source)
    assert plan is not None
    ids = iter(range(10_000))
    adapter = PingAdapter(sink, sink.clock, lambda: str(next(ids)))
    task = asyncio.create_task(adapter.run(plan, notes or Notes()))
    for step in seconds:
        await asyncio.sleep(0)
        await sink.clock.advance(step)
    task.cancel()
    await asyncio.wait([task])


async def test_every_minute_is_on_the_minute() -> None:
    sink = Sink(ManualClock(START.replace(second=40)))
    await run_for(sink, ping(), [150])
    assert [moment for moment, _ in sink.got] == [20.0, 80.0, 140.0]
    assert [event.id for _, event in sink.got] == ["0", "1", "2"]


async def test_seconds_and_time_zones() -> None:
    sink = Sink(ManualClock(START))
    await run_for(sink, ping(schedule="*/2 * * * * *"), [5])
    assert len(sink.got) == 2
    late = Sink(ManualClock(START))
    await run_for(late, ping(schedule="0 22 * * *", timezone="Asia/Tokyo"), [3599, 2])
    assert [moment for moment, _ in late.got] == [3600.0]


async def test_a_slow_sink_does_not_delay_the_next_tick_and_is_given_up_on() -> None:
    sink, notes = Sink(ManualClock(START)), Notes()
    sink.open.clear()
    await run_for(sink, ping(schedule="* * * * * *"), [18], notes)
    assert len(sink.got) == 16
    assert notes.said[0] == "running"
    assert set(notes.said[1:]) == {"http://sink.test has not taken the last 16 events"}


async def test_what_a_sink_refuses_is_reported() -> None:
    sink, notes = Sink(ManualClock(START)), Notes()
    sink.broken = True
    await run_for(sink, ping(schedule="* * * * * *"), [1, 0], notes)
    assert notes.said[1:] == ["http://sink.test did not take an event in 6 attempts: HTTP 503"]


@pytest.mark.parametrize(
    ("spec", "content_type", "data"),
    [
        ({}, None, None),
        ({"data": "hello"}, None, b"hello"),
        ({"data": "{}", "contentType": "application/json"}, "application/json", b"{}"),
        ({"dataBase64": "AAE=", "contentType": "image/png"}, "image/png", b"\0\1"),
    ],
)
def test_pings_carry_their_data_as_it_is(
    spec: dict[str, str], content_type: str | None, data: bytes | None
) -> None:
    plan = plan_ping(ping(**spec))
    assert plan is not None
    event = make_ping_event(plan, START, "1")
    assert event == Event(
        id="1",
        source="/apis/v1/namespaces/default/pingsources/p",
        type="dev.knative.sources.ping",
        time="2026-01-01T12:00:00Z",
        datacontenttype=content_type,
        data=data,
    )


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('{"message": "Hello world!"}', b'{"message": "Hello world!"}'),
        ("hello", b'{"body": "hello"}'),
        ("[1]", b'{"body": "[1]"}'),
        ("", b'{"body": ""}'),
    ],
)
def test_cron_jobs_carry_an_object(text: str, data: bytes) -> None:
    plan = plan_cronjob(cron(data=text))
    assert plan is not None
    event = make_ping_event(plan, START, "1")
    assert (event.type, event.specversion) == ("dev.knative.cronjob.event", "0.3")
    assert event.source == "/apis/v1/namespaces/default/cronjobsources/c"
    assert (event.datacontenttype, event.data) == ("application/json", data)


def test_there_is_no_plan_without_a_sink() -> None:
    source = ping()
    source.status.mark_no_sink("NotFound", "")
    assert plan_ping(source) is None


def test_overrides_replace_extensions() -> None:
    plan = plan_ping(ping(ceOverrides={"extensions": {"stage": "test"}}))
    assert plan is not None
    event = plan.target.apply(make_ping_event(plan, START, "1").with_extension("stage", "x"))
    assert event.extensions == {"stage": "test"}


def test_sinks_are_told_the_namespace_of_the_source() -> None:
    event = Event(id="1", source="/s", type="t")
    headers, _ = Target("http://sink", namespace="ns").request(event)
    assert ("kn-namespace", "ns") in headers
    assert not any(name == "kn-namespace" for name, _ in Target("http://sink").request(event)[0])
