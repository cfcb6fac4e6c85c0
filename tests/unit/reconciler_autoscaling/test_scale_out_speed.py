"""How soon a load is answered with instances, wherever in a second it begins."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.autoscaling import AutoscalerConfig, AutoscalingAnnotations
from wakeful.autoscaler import LoadSample, resolve_spec
from wakeful.reconciler.autoscaling.deciders import Deciders

HELLO = NamespacedName("default", "hello-00001")
STEP = 0.05


class SteadyClients:
    """Fifty requests in flight from a moment on, measured exactly; one instance is ready soon."""

    def __init__(self, begin: float, *, warm: bool) -> None:
        self.clock = ManualClock()
        self.begin, self.warm = begin, warm
        self.collected = 0.0
        self.deciders = Deciders(self, self.ready, clock=self.clock)

    def ready(self, key: NamespacedName) -> int:
        return 1 if self.warm or self.clock.monotonic() >= self.begin + 0.2 else 0

    def collect(self) -> Mapping[NamespacedName, LoadSample]:
        now, before = self.clock.monotonic(), self.collected
        self.collected = now
        share = max(0.0, now - max(before, self.begin)) / (now - before)
        return {HELLO: LoadSample(50 * share, 500 * share)} if share else {}

    async def seconds_until(self, instances: int, window: float) -> float:
        """When so many were recommended, counted from the begin of the load."""
        annotations = AutoscalingAnnotations(target=10.0, window_seconds=window)
        spec = resolve_spec(AutoscalerConfig(), annotations)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.deciders.run())
            self.deciders.ensure(HELLO, spec)
            await asyncio.sleep(0)
            await self.clock.advance(self.begin)
            self.deciders.poke(HELLO.namespace, HELLO.name)
            while self.deciders.ensure(HELLO, spec).desired < instances:
                await self.clock.advance(STEP)
                assert self.clock.monotonic() < self.begin + 10
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert self.deciders.ensure(HELLO, spec).desired <= 8, "what the load needs, no more"
        return self.clock.monotonic() - self.begin


@pytest.mark.parametrize("window", [0.0, 6.0, 60.0])
@pytest.mark.parametrize("phase", range(20))
async def test_from_zero_the_load_is_known_within_a_second(phase: int, window: float) -> None:
    clients = SteadyClients(20 + phase * STEP, warm=False)
    assert 0.25 <= await clients.seconds_until(5, window) <= 0.65


async def test_what_was_idle_a_moment_ago_is_answered_as_soon() -> None:
    """The windows hold its idleness yet; the panic window, of one second, holds none of it."""
    clients = SteadyClients(20.4, warm=False)
    spec = resolve_spec(AutoscalerConfig(), AutoscalingAnnotations(target=10.0, window_seconds=8.0))
    clients.deciders.ensure(HELLO, spec)
    for at in (16.5, 17.5, 18.5, 19.5):
        await clients.clock.advance(at - clients.clock.monotonic())
        clients.deciders.step()
    await clients.clock.advance(clients.begin - clients.clock.monotonic())
    clients.deciders.poke(HELLO.namespace, HELLO.name)
    await clients.clock.advance(0.1)

    clients.deciders.step()

    assert 5 <= clients.deciders.ensure(HELLO, spec).desired <= 8


@pytest.mark.parametrize("late", [0.0, 0.2, 0.45, 0.7])
@pytest.mark.parametrize("phase", [0.02, 0.3, 0.48, 0.51, 0.9])
async def test_a_late_look_does_not_take_fifty_for_more(phase: float, late: float) -> None:
    """Starting instances may hold up everything, the first sample too."""
    spec = resolve_spec(AutoscalerConfig(), AutoscalingAnnotations(target=10.0))
    clients = SteadyClients(20 + phase, warm=False)
    clients.deciders.ensure(HELLO, spec)
    at = 19.5
    while at < 24:
        if 0 <= clients.begin - clients.clock.monotonic() <= at - clients.clock.monotonic():
            await clients.clock.advance(clients.begin - clients.clock.monotonic())
            clients.deciders.poke(HELLO.namespace, HELLO.name)
        await clients.clock.advance(at - clients.clock.monotonic())
        clients.deciders.step()
        assert clients.deciders.ensure(HELLO, spec).desired <= 8
        regular = math.floor(at) + 1.5
        at = regular + (late if math.floor(regular) in (20, 21) else 0)
    assert clients.deciders.ensure(HELLO, spec).desired >= 7


@pytest.mark.parametrize("phase", range(20))
async def test_a_short_panic_window_answers_within_two_seconds(phase: int) -> None:
    """The panic window of 8 s at 10 % is one second, idle or not."""
    clients = SteadyClients(20 + phase * STEP, warm=True)
    assert await clients.seconds_until(5, 8.0) <= 2.0


async def test_a_minute_of_idleness_is_averaged_with_it() -> None:
    """Five instances are what 50 x 5 s / 6 s needs: the formula's answer, at its first moment."""
    clients = SteadyClients(20, warm=True)
    assert await clients.seconds_until(5, 60.0) <= 5
