"""A lane: everything one consumer delivers, at its own pace."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from wakeful.aio import Backoff, Clock, first_of, retry
from wakeful.cloudevents import CloudEventError, Event
from wakeful.cloudevents.filters import Filter, compile_filters
from wakeful.eventbus import BusError, EventBus, Message, NoConsumerError, Subscription
from wakeful.eventing.delivery import next_retry
from wakeful.eventing.dispatcher.answers import Failure, take_ttl
from wakeful.eventing.dispatcher.deliver import Answer, Courier, Parcel
from wakeful.eventing.dispatcher.window import MOST, Window
from wakeful.eventing.frame import unpack
from wakeful.eventing.history.records import DeadLetter, Hop, HopKind, Recorder
from wakeful.eventing.plan.model import SubscriptionPlan

log = logging.getLogger("wakeful.eventing.dispatcher")

_WAIT_HERE_SECONDS = 1.0
"""Shorter waits are spent holding the event; for longer ones it goes back to the stream."""
_MOST_RESPONSE_BYTES = 1024
_RESUME_SECONDS = 0.2
Keep = Callable[[DeadLetter], int]


@dataclass(slots=True)
class _Progress:
    """How far an event is that went back to the stream for a while."""

    attempts: int = 0
    answer: Answer | None = None
    """The subscriber took the event; this is still to be sent as its reply."""
    replies: int = 0
    given_up: Failure | None = None
    """The last failure; from then on the dead letter sink is tried."""
    burials: int = 0

    @property
    def failures(self) -> int:
        """Attempts of either hop that failed."""
        return self.attempts + self.replies


@dataclass(slots=True)
class LaneStats:
    """What happened since the start."""

    delivered: int = 0
    filtered: int = 0
    failed_attempts: int = 0
    dead_lettered: int = 0
    kept: int = 0


@dataclass(slots=True)
class Tools:
    """What lanes share."""

    bus: EventBus
    courier: Courier
    recorder: Recorder
    keep: Keep
    clock: Clock


@dataclass(slots=True)
class Lane:
    """Delivers one consumer's events. ``plan`` may be replaced while it runs."""

    consumer: str
    tools: Tools
    plan: SubscriptionPlan
    stats: LaneStats = field(default_factory=LaneStats)
    _filter: Filter = field(default_factory=compile_filters)
    _progress: dict[int, _Progress] = field(default_factory=dict)
    _held: dict[int, tuple[Message, float]] = field(default_factory=dict)
    _window: Window = field(default_factory=Window)
    _drained: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.use(self.plan)

    def use(self, plan: SubscriptionPlan) -> None:
        """Deliver by this plan from now on."""
        self.plan = plan
        self._filter = compile_filters(plan.filter, plan.filters)
        self._window.most = min(MOST, plan.max_pending)
        self._window.size = min(self._window.size, self._window.most)

    async def run(self, draining: asyncio.Event) -> None:
        """Deliver until ``draining``; returns once nothing is held any more."""
        async with asyncio.TaskGroup() as deliveries:
            await first_of(self._fetch_all(deliveries), draining.wait())

    async def _fetch_all(self, deliveries: asyncio.TaskGroup) -> None:
        while True:
            subscription = await retry(
                lambda: self.tools.bus.subscribe(self.plan.stream, self.consumer),
                BusError,
                backoff=Backoff(base=_RESUME_SECONDS, cap=_RESUME_SECONDS),
            )
            try:
                await self._fetch(subscription, deliveries)
            except NoConsumerError:
                await asyncio.sleep(_RESUME_SECONDS)  # it is being made again
            finally:
                await subscription.aclose()

    async def _fetch(self, subscription: Subscription, deliveries: asyncio.TaskGroup) -> None:
        window = self._window
        while True:
            for message in await subscription.fetch(await window.wait()):
                window.enter()
                self._held[message.sequence] = (message, self.tools.clock.monotonic())
                deliveries.create_task(self._carry(message))

    async def beat(self, older_than: float) -> None:
        """Tell the bus that what is held since before ``older_than`` is being worked on."""
        for message, since in list(self._held.values()):
            if since <= older_than:
                with contextlib.suppress(BusError):
                    await message.in_progress()

    async def _carry(self, message: Message) -> None:
        succeeded = True
        try:
            succeeded = await self._deal_with(message)
        except BusError:
            pass  # delivered again when its time is up
        except asyncio.CancelledError:
            await _give_back(message, 0)
            raise
        except Exception:
            log.exception("event of %s not dealt with", self.plan.owner)
            succeeded = False
            await _give_back(message, 5.0)
        finally:
            self._held.pop(message.sequence, None)
            self._window.leave(succeeded=succeeded)

    async def _deal_with(self, message: Message) -> bool:
        """Take one message as far as it goes now; return whether its subscriber took it."""
        try:
            event, headers = unpack(message.data)
        except CloudEventError as error:
            log.warning("message %d of %s dropped: %s", message.sequence, self.plan.stream, error)
            await message.term()
            return True
        if not self._filter.matches(event):
            self.stats.filtered += 1
            await message.ack()
            return True
        ttl = take_ttl(event) if self.plan.is_trigger else None
        progress = self._progress.get(message.sequence) or _Progress()
        while True:
            parcel = Parcel(event, headers, message.sequence, progress.failures + 1, ttl)
            wait = await self._try(parcel, progress, message)
            if wait is None:
                self._progress.pop(message.sequence, None)
                await message.ack()
                return progress.given_up is None
            if wait > _WAIT_HERE_SECONDS:
                self._progress[message.sequence] = progress
                await message.nak(wait)
                return False
            if wait > 0:
                await self.tools.clock.sleep(wait)

    async def _try(self, parcel: Parcel, progress: _Progress, message: Message) -> float | None:
        """Make one attempt; return the wait before the next one, None when it is over."""
        plan, now = self.plan, self.tools.clock.now
        if progress.given_up is None:
            failure = await self._deliver(parcel, progress)
            if failure is None:
                self.stats.delivered += 1
                return None
            self.stats.failed_attempts += 1
            attempts = progress.attempts if progress.answer is None else progress.replies
            wait = next_retry(plan.retry, attempts, failure.outcome, now())
            if wait is not None:
                return wait
            progress.given_up = failure
        why = progress.given_up
        failure = await self.tools.courier.bury(plan, parcel, why)
        if failure is None:
            self.stats.dead_lettered += 1
            return None
        if plan.dead_letter is not None:
            progress.burials += 1
            wait = next_retry(plan.retry, progress.burials, failure.outcome, now())
            if wait is not None:
                return wait
        await self._keep(parcel.event, message, progress, failure)
        return None

    async def _deliver(self, parcel: Parcel, progress: _Progress) -> Failure | None:
        """Attempt the hop that is due; None when all of it was taken.

        Each hop of a Channel's subscription has its own retries, and a subscriber that took an
        event does not get it again because its reply found nobody. A Broker that does not take a
        reply has the event itself delivered again: it says so to whoever replied.
        """
        courier, plan = self.tools.courier, self.plan
        answer = progress.answer
        if answer is None:
            result = await courier.ask(plan, parcel)
            if isinstance(result, Failure):
                progress.attempts += 1
                return result
            if result is None:
                return None
            answer = result
        failure = await courier.reply(plan, parcel, answer)
        if failure is None:
            return None
        if plan.is_trigger:
            progress.attempts += 1
        else:
            progress.answer = answer
            progress.replies += 1
        return failure

    async def _keep(
        self, event: Event, message: Message, progress: _Progress, last: Failure
    ) -> None:
        why = progress.given_up or last
        reason = why.reason
        if last is not why:
            reason += f"; the dead letter sink failed too: {last.reason}"
        letter = DeadLetter(
            self.plan.owner,
            event.id,
            event.source,
            event.type,
            why.url,
            reason,
            why.outcome.status,
            progress.failures,
            why.body[:_MOST_RESPONSE_BYTES],
            message.data,
            event.subject or "",
        )
        try:
            number = await asyncio.to_thread(self.tools.keep, letter)
        except sqlite3.Error as error:
            raise BusError(f"dead letter not kept: {error}") from error
        self.stats.kept += 1
        if not self.tools.recorder.wants(HopKind.KEPT):
            return
        self.tools.recorder.record(
            Hop(
                HopKind.KEPT,
                self.plan.owner,
                event.id,
                event.source,
                event.type,
                message.sequence,
                why.url,
                why.outcome.status,
                progress.failures,
                note=f"dead letter {number}: {reason}",
            )
        )


async def _give_back(message: Message, seconds: float) -> None:
    try:
        await message.nak(seconds)
    except BusError:
        log.debug("message %d is delivered again when its time is up", message.sequence)
