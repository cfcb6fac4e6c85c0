"""All lanes of this process: one for each consumer of the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from wakeful.eventing.dispatcher.lane import Lane, Tools
from wakeful.eventing.plan.model import KEY_PARTITIONS, Plan, SubscriptionPlan
from wakeful.eventing.plan.sharing import carries

ACK_WAIT_SECONDS = 15.0
"""An event held by a process that died is delivered again after this."""
_BEAT_SECONDS = ACK_WAIT_SECONDS / 4


def consumers_of(plan: SubscriptionPlan) -> tuple[str, ...]:
    """The consumers a subscription needs: one, or one for each partition of keys."""
    if plan.order == "key":
        return tuple(f"{plan.consumer}-k{number}" for number in range(KEY_PARTITIONS))
    return (plan.consumer,)


@dataclass(slots=True)
class _Running:
    lane: Lane
    task: asyncio.Task[None]
    draining: asyncio.Event


@dataclass(slots=True)
class Dispatcher:
    """Starts, changes and ends lanes as plans come."""

    tools: Tools
    index: int = 0
    """Which of the plan's event processes this is."""
    _running: dict[tuple[str, str], _Running] = field(default_factory=dict)
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def lanes(self) -> Iterator[Lane]:
        """Every lane."""
        return (running.lane for running in self._running.values())

    def use(self, plan: Plan) -> None:
        """Deliver by this plan from now on."""
        wanted = {
            (subscription.stream, consumer): subscription
            for subscription in plan.subscriptions
            for consumer in consumers_of(subscription)
            if carries(self.index, plan.workers, subscription.stream, consumer)
        }
        for key in self._running.keys() - wanted.keys():
            self._end(key)
        for key, subscription in wanted.items():
            running = self._running.get(key)
            if running is None:
                self._start(key, subscription)
            elif running.lane.plan != subscription:
                running.lane.use(subscription)

    def _start(self, key: tuple[str, str], subscription: SubscriptionPlan) -> None:
        lane, draining = Lane(key[1], self.tools, subscription), asyncio.Event()
        task = asyncio.create_task(lane.run(draining), name=f"lane:{subscription.owner}")
        self._running[key] = _Running(lane, task, draining)

    def _end(self, key: tuple[str, str]) -> None:
        running = self._running.pop(key)
        running.draining.set()
        self._ending.add(running.task)
        running.task.add_done_callback(self._ending.discard)

    async def run(self, draining: asyncio.Event, grace_seconds: float) -> None:
        """Look after the lanes; when ``draining``, let what is on its way arrive."""
        try:
            while not draining.is_set():
                await self._beat()
                try:
                    async with asyncio.timeout(_BEAT_SECONDS):
                        await draining.wait()
                except TimeoutError:
                    continue
        finally:
            await self._drain(grace_seconds)

    async def _beat(self) -> None:
        older_than = self.tools.clock.monotonic() - _BEAT_SECONDS
        for running in self._running.values():
            await running.lane.beat(older_than)
            if running.task.done():
                running.task.result()  # a lane never ends by itself but with an error of ours

    async def _drain(self, grace_seconds: float) -> None:
        for key in list(self._running):
            self._end(key)
        if self._ending:
            _, late = await asyncio.wait(self._ending, timeout=grace_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
