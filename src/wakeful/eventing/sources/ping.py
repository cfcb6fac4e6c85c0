"""The adapter of PingSources and CronJobSources: an event whenever a schedule says so."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from wakeful.aio import Clock
from wakeful.apis.batch.cron import CronSchedule, parse_schedule
from wakeful.apis.sources import CronJobSource, PingSource, register
from wakeful.cloudevents import Event, event_time
from wakeful.eventing.sources.emitter import Emitter, SinkError
from wakeful.eventing.sources.host import Report
from wakeful.eventing.sources.target import Target, target_of

_JSON = "application/json"
_MOST_AT_ONCE = 16
_LONGEST_SLEEP_SECONDS = 30.0
"""So that a clock that was set is noticed."""


@dataclass(frozen=True, slots=True)
class PingPlan:
    """What to send when."""

    schedule: CronSchedule
    target: Target
    type: str
    source: str
    specversion: str
    content_type: str | None
    data: bytes | None


def plan_ping(source: PingSource) -> PingPlan | None:
    """What a PingSource asks for; None while its sink is unknown."""
    spec, namespace = source.spec, source.metadata.namespace
    target = target_of(source.status, spec.ce_overrides, namespace=namespace)
    if target is None:
        return None
    data = base64.b64decode(spec.data_base64) if spec.data_base64 else spec.data.encode()
    return PingPlan(
        schedule=parse_schedule(spec.schedule, spec.timezone or None, seconds=True),
        target=target,
        type=register.PING_TYPE,
        source=source.event_source,
        specversion="1.0",
        content_type=spec.content_type or None,
        data=data or None,
    )


def plan_cronjob(source: CronJobSource) -> PingPlan | None:
    """What a CronJobSource asks for; None while its sink is unknown."""
    namespace = source.metadata.namespace
    target = target_of(source.status, source.spec.ce_overrides, namespace=namespace)
    if target is None:
        return None
    return PingPlan(
        schedule=parse_schedule(source.spec.schedule),
        target=target,
        type=register.CRONJOB_TYPE,
        source=source.event_source,
        specversion="0.3",
        content_type=_JSON,
        data=_as_object(source.spec.data),
    )


def _as_object(text: str) -> bytes:
    """A JSON object as it is, anything else as the body of one: what 2019's adapter sends."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return text.encode() if isinstance(found, dict) else json.dumps({"body": text}).encode()


def make_ping_event(plan: PingPlan, now: datetime, event_id: str) -> Event:
    """The event of one tick."""
    return Event(
        id=event_id,
        source=plan.source,
        type=plan.type,
        specversion=plan.specversion,
        time=event_time(now),
        datacontenttype=plan.content_type,
        data=plan.data,
    )


class PingAdapter:
    """Ticks. A sink that is slow does not delay the next tick; ticks missed are not made up."""

    def __init__(
        self,
        emitter: Emitter,
        clock: Clock,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._emitter, self._clock, self._new_id = emitter, clock, new_id

    async def run(self, plan: PingPlan, report: Report) -> None:
        """Send events until cancelled."""
        report.running()
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            last = self._clock.now()
            while True:
                due = plan.schedule.next_after(max(last, self._clock.now()))
                await self._sleep_until(due)
                assert due is not None
                last = due
                if len(under_way) >= _MOST_AT_ONCE:
                    report.lost(f"{plan.target.url} has not taken the last {_MOST_AT_ONCE} events")
                    continue
                task = group.create_task(self._send(plan, report))
                under_way.add(task)
                task.add_done_callback(under_way.discard)

    async def _sleep_until(self, due: datetime | None) -> None:
        """Return at ``due``; never when that is None."""
        while due is None or (left := (due - self._clock.now()).total_seconds()) > 0:
            await self._clock.sleep(
                _LONGEST_SLEEP_SECONDS if due is None else min(left, _LONGEST_SLEEP_SECONDS)
            )

    async def _send(self, plan: PingPlan, report: Report) -> None:
        event = make_ping_event(plan, self._clock.now(), self._new_id())
        try:
            await self._emitter.emit(event, plan.target)
        except SinkError as err:
            report.lost(str(err))
