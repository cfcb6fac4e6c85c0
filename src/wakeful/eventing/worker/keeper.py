"""Keeps streams and consumers in line with the plan, and streams from growing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wakeful.aio import Backoff, retry
from wakeful.eventbus import (
    BusError,
    BusUnavailableError,
    ConsumerConfig,
    ConsumerInfo,
    EventBus,
    NoStreamError,
    Retention,
    Start,
    StartAt,
    Storage,
    StreamConfig,
    StreamInfo,
)
from wakeful.eventing.dispatcher.dispatcher import ACK_WAIT_SECONDS, consumers_of
from wakeful.eventing.plan.model import STREAM_PREFIX, Plan, StreamPlan, SubscriptionPlan
from wakeful.eventing.plan.subjects import filter_subjects

log = logging.getLogger("wakeful.eventing.keeper")

_AT_ONCE = 16
_TRIM_SECONDS = 10.0
_REMOVE_AFTER_SECONDS = 60.0
"""A stream is deleted so long after its owner: one that is re-created soon has lost nothing."""


@dataclass(slots=True)
class KeeperState:
    """How far the streams and consumers are; an empty text is ready, another one what is wrong."""

    streams: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, str] = field(default_factory=dict)
    """By ``stream/consumer`` of the plan."""
    plan: str = ""
    """Version of the plan that this is about."""


class _IncompleteError(Exception):
    """Something is not as the plan wants it; the log says what."""


class Keeper:
    """Brings what the plan says into being, again whenever the event server was away."""

    def __init__(self, bus: EventBus, on_change: Callable[[], None]) -> None:
        self._bus, self._on_change = bus, on_change
        self.state = KeeperState()
        self._plan = Plan()
        self._wake = asyncio.Event()
        self._done: dict[object, object] = {}
        self._orphans: dict[str, float] = {}
        self._trimmed: dict[str, int] = {}

    def use(self, plan: Plan) -> None:
        """Work towards this plan from now on."""
        self._plan = plan
        self._wake.set()

    def start_over(self) -> None:
        """The event server may have forgotten what it was told."""
        self._done.clear()
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_trimmer(), name="eventing:trim")
            while True:
                await self._wake.wait()
                await retry(self._keep_up, _IncompleteError, backoff=Backoff(base=0.1, cap=5.0))

    async def _keep_up(self) -> None:
        self._wake.clear()
        plan = self._plan
        try:
            complete = await self._bring(plan)
        except BusError as error:
            log.warning("streams are not in line with the plan: %s", error)
            complete = False
        self.state.plan = plan.version()
        self._on_change()
        if not complete:
            raise _IncompleteError

    async def _bring(self, plan: Plan) -> bool:
        streams = {stream.name: stream for stream in plan.streams}
        self.state.streams = {name: self.state.streams.get(name, "pending") for name in streams}
        wanted = {f"{s.stream}/{s.consumer}": s for s in plan.subscriptions}
        self.state.consumers = {key: self.state.consumers.get(key, "pending") for key in wanted}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(stream: StreamPlan) -> None:
            async with gate:
                self.state.streams[stream.name] = await self._ensure_stream(stream)

        async with asyncio.TaskGroup() as group:
            for stream in streams.values():
                group.create_task(one(stream))
        for name in streams:
            if not self.state.streams[name]:
                mine = [s for s in plan.subscriptions if s.stream == name]
                await self._bring_consumers(streams[name], mine, gate)
        await self._remove_streams(streams.keys())
        return not any(self.state.streams.values()) and not any(self.state.consumers.values())

    async def _ensure_stream(self, plan: StreamPlan) -> str:
        config = stream_config(plan, self._plan.platform)
        if self._done.get(plan.name) == config:
            return ""
        try:
            if await self._is_foreign(plan.name):
                return f"stream {plan.name!r} belongs to another platform on the same server"
            await self._bus.ensure_stream(config)
        except BusUnavailableError:
            raise
        except BusError as error:
            return str(error)
        self._done[plan.name] = config
        return ""

    async def _is_foreign(self, name: str) -> bool:
        try:
            info = await self._bus.stream_info(name)
        except NoStreamError:
            return False
        return info.metadata.get("platform", "") not in ("", self._plan.platform)

    async def _bring_consumers(
        self, stream: StreamPlan, plans: Sequence[SubscriptionPlan], gate: asyncio.Semaphore
    ) -> None:
        pending = [p for p in plans if self._done.get(p.key) != p]
        for plan in plans:
            if self._done.get(plan.key) == plan:
                self.state.consumers[f"{plan.stream}/{plan.consumer}"] = ""
        names = frozenset(name for plan in plans for name in consumers_of(plan))
        if not pending and self._done.get((stream.name, "consumers")) == names:
            return
        try:
            have = {info.name: info for info in await self._bus.consumers(stream.name)}
        except NoStreamError:
            self._forget(stream.name)
            raise

        async def one(plan: SubscriptionPlan) -> None:
            async with gate:
                try:
                    await self._ensure_consumers(stream, plan, have)
                except BusUnavailableError:
                    raise
                except (BusError, ValueError) as error:
                    self.state.consumers[f"{plan.stream}/{plan.consumer}"] = str(error)
                else:
                    self._done[plan.key] = plan
                    self.state.consumers[f"{plan.stream}/{plan.consumer}"] = ""

        async with asyncio.TaskGroup() as group:
            for plan in pending:
                group.create_task(one(plan))
        for name in have.keys() - names:
            if have[name].metadata.get("keep") != "yes" or _was_replaced(name, names):
                await self._bus.delete_consumer(stream.name, name)
        gone = [key for key in self._done if isinstance(key, tuple) and key[0] == stream.name]
        for key in gone:
            if key[1] not in names and key not in {plan.key for plan in plans}:
                del self._done[key]
        self._done[stream.name, "consumers"] = names

    async def _ensure_consumers(
        self, stream: StreamPlan, plan: SubscriptionPlan, have: dict[str, ConsumerInfo]
    ) -> None:
        moved = _moved_from(plan, have)
        for partition, name in enumerate(consumers_of(plan)):
            info = have.get(name)
            if info is not None and _starts_elsewhere(plan, info):
                await self._bus.delete_consumer(stream.name, name)
            config = consumer_config(
                stream, plan, name, partition if plan.order == "key" else None, moved
            )
            await self._bus.ensure_consumer(stream.name, config)

    async def _remove_streams(self, wanted: Iterable[str]) -> None:
        names = set(wanted)
        if self._done.get("streams") == names and not self._orphans:
            return
        now = asyncio.get_running_loop().time()
        have = {
            info.name
            for info in await self._bus.streams(STREAM_PREFIX)
            if info.metadata.get("platform", "") == self._plan.platform
        }
        orphans = have - names
        self._orphans = {name: self._orphans.get(name, now) for name in orphans}
        for name, since in list(self._orphans.items()):
            if now - since >= _REMOVE_AFTER_SECONDS:
                log.info("stream %s removed: its owner is gone", name)
                await self._bus.delete_stream(name)
                del self._orphans[name]
                self._forget(name)
        self._done["streams"] = names

    def _forget(self, stream: str) -> None:
        """The stream is gone with its consumers: another one of its name is made anew."""
        for key in list(self._done):
            if key == stream or (isinstance(key, tuple) and key[0] == stream):
                del self._done[key]

    async def _run_trimmer(self) -> None:
        while True:
            await asyncio.sleep(_TRIM_SECONDS)
            if self._orphans:
                self._wake.set()
            for stream in self._plan.streams:
                if stream.in_memory:
                    continue
                try:
                    await self._trim(stream)
                except BusError as error:
                    log.debug("stream %s not trimmed: %s", stream.name, error)

    async def _trim(self, plan: StreamPlan) -> None:
        info = await self._bus.stream_info(plan.name)
        if info.size_bytes <= plan.history_bytes or not info.messages:
            return
        try:
            consumers = await self._bus.consumers(plan.name)
        except NoStreamError:
            return
        keep_from = trim_point(info, consumers, plan.history_bytes)
        if keep_from > info.first_sequence:
            await self._bus.trim(plan.name, keep_from)


def stream_config(plan: StreamPlan, platform: str = "") -> StreamConfig:
    """The stream for a plan's."""
    return StreamConfig(
        plan.name,
        (f"{plan.subject}.>",),
        Storage.MEMORY if plan.in_memory else Storage.FILE,
        Retention.INTEREST if plan.in_memory else Retention.LIMITS,
        plan.max_bytes,
        plan.max_age_seconds,
        replicas=plan.replicas,
        metadata={"owner": plan.owner, "platform": platform},
    )


def consumer_config(
    stream: StreamPlan,
    plan: SubscriptionPlan,
    name: str,
    partition: int | None,
    start_at: int | None = None,
) -> ConsumerConfig:
    """The consumer for a subscription (and partition); ``start_at`` overrides where it begins."""
    start = Start(StartAt.SEQUENCE, sequence=start_at) if start_at else parse_start(plan.start)
    return ConsumerConfig(
        name,
        filter_subjects(stream.subject, plan, partition),
        start,
        ACK_WAIT_SECONDS,
        1 if plan.order else plan.max_pending,
        plan.keep_seconds,
        {
            "owner": plan.owner,
            "uid": plan.uid,
            "start": plan.start,
            "keep": "yes" if plan.keep_seconds else "",
        },
    )


def parse_start(text: str) -> Start:
    """Read where a consumer begins.

    Raises:
        ValueError: It is neither ``beginning``, ``now`` nor a time with its offset.
    """
    match text:
        case "beginning":
            return Start(StartAt.ALL)
        case "" | "now":
            return Start(StartAt.NEW)
        case _:
            time = datetime.fromisoformat(text)
            if time.tzinfo is None:
                raise ValueError(f"start {text!r} has no time zone")
            return Start(StartAt.TIME, time=time)


def trim_point(info: StreamInfo, consumers: Sequence[ConsumerInfo], history_bytes: int) -> int:
    """The first sequence to keep: nothing that somebody has not had, and the newest history."""
    floor = info.last_sequence
    for consumer in consumers:
        if consumer.pending or consumer.ack_pending:
            floor = min(floor, consumer.ack_floor)
    excess = info.size_bytes - history_bytes
    average = max(1, info.size_bytes // max(1, info.messages))
    return min(floor + 1, info.first_sequence + excess // average)


def _starts_elsewhere(plan: SubscriptionPlan, info: ConsumerInfo) -> bool:
    """Whether the subscription was told a new place to start at."""
    if not plan.start:
        return False
    known = (info.metadata.get("start", ""), info.metadata.get("uid", ""))
    return known != (plan.start, plan.uid) and not (
        known[0] == plan.start and not plan.keep_seconds
    )


def _base(name: str) -> str:
    head, dash, tail = name.rpartition("-k")
    return head if dash and tail.isdigit() else name


def _moved_from(plan: SubscriptionPlan, have: dict[str, ConsumerInfo]) -> int | None:
    """Where to go on when the order was changed, which makes other consumers."""
    wanted = consumers_of(plan)
    if any(name in have for name in wanted):
        return None
    others = [info.ack_floor for name, info in have.items() if _base(name) == plan.consumer]
    return min(others) + 1 if others else None


def _was_replaced(name: str, wanted: frozenset[str]) -> bool:
    """Whether others do the work of a consumer that may otherwise be kept."""
    base = _base(name)
    return any(_base(other) == base for other in wanted)
