from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.autoscaling import AutoscalerConfig, AutoscalingAnnotations
from wakeful.autoscaler import LoadSample, ScalingSpec, resolve_spec
from wakeful.reconciler.autoscaling.deciders import Deciders, Recommendation

HELLO = NamespacedName("default", "hello-00001")
OTHER = NamespacedName("default", "other-00001")
SPEC = resolve_spec(AutoscalerConfig(), AutoscalingAnnotations(target=10.0))


@dataclass
class World:
    """A gateway and a node agent that say what the test tells them to."""

    clock: ManualClock = field(default_factory=ManualClock)
    samples: dict[NamespacedName, LoadSample] = field(default_factory=dict)
    blind: bool = False
    ready: dict[NamespacedName, int] = field(default_factory=dict)
    changed: list[NamespacedName] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deciders = Deciders(self, lambda key: self.ready.get(key, 0), clock=self.clock)
        self.deciders.on_change(self.changed.append)

    def collect(self) -> Mapping[NamespacedName, LoadSample] | None:
        return None if self.blind else dict(self.samples)

    async def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.clock.advance(1)
            self.deciders.step()

    def desired(self, key: NamespacedName = HELLO, spec: ScalingSpec = SPEC) -> int:
        return self.deciders.ensure(key, spec).desired


async def test_nothing_is_recommended_before_there_is_data() -> None:
    world = World()

    assert world.deciders.ensure(HELLO, SPEC) == Recommendation(-1, -201)
    await world.pass_seconds(10)

    assert world.desired() == -1
    assert world.changed == []


async def test_a_held_request_at_zero_is_decided_upon_at_once() -> None:
    world = World()
    world.deciders.ensure(HELLO, SPEC)

    world.deciders.poke("default", "hello-00001")

    assert world.changed == [HELLO]
    assert world.desired() == 1


async def test_more_held_requests_change_nothing_until_the_tick() -> None:
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    for _ in range(1_000):
        world.deciders.poke("default", "hello-00001")

    assert world.changed == [HELLO]
    assert world.desired() == 1


async def test_the_request_that_poked_is_not_counted_twice() -> None:
    world = World()
    await world.clock.advance(0.5)
    world.deciders.step()
    world.deciders.ensure(HELLO, SPEC)
    world.deciders.poke("default", "hello-00001")

    world.samples = {HELLO: LoadSample(1, 1)}
    await world.pass_seconds(1)

    report = world.deciders.explain("default", "hello-00001")
    assert report is not None
    await world.pass_seconds(1)
    report = world.deciders.explain("default", "hello-00001")
    assert report is not None
    assert report.history[-1]["stable"] == 1  # for both seconds of its life


async def test_pokes_for_what_runs_are_ignored() -> None:
    world = World()
    world.ready[HELLO] = 1
    world.samples = {HELLO: LoadSample(5, 5)}
    world.deciders.ensure(HELLO, SPEC)
    await world.pass_seconds(2)
    world.changed.clear()

    world.deciders.poke("default", "hello-00001")

    assert world.changed == []


async def test_poke_before_the_decider_is_there_counts_when_it_comes() -> None:
    """A request may be held for a revision that nobody has looked at since the start."""
    world = World()

    world.deciders.poke("default", "hello-00001")
    asked = list(world.changed)
    world.deciders.ensure(HELLO, SPEC)

    assert asked == [HELLO]  # so that its controller looks at it at once
    assert world.desired() == 1


async def test_poke_for_what_is_not_there_is_forgotten_with_it() -> None:
    world = World()
    world.deciders.poke("default", "hello-00001")

    world.deciders.remove(HELLO)
    recommended = world.deciders.ensure(HELLO, SPEC)

    assert recommended.desired == -1


async def test_fifty_concurrent_are_met_within_three_seconds() -> None:
    """From zero, with one instance until more are asked for; the book asks for five."""
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    world.deciders.poke("default", "hello-00001")
    world.samples = {HELLO: LoadSample(50, 100)}

    await world.pass_seconds(1)
    world.ready[HELLO] = 1
    await world.pass_seconds(2)

    assert world.desired() >= 5


async def test_a_surge_is_met_without_waiting_for_the_tick() -> None:
    world = World()
    world.ready[HELLO] = 1
    world.deciders.ensure(HELLO, SPEC)
    world.samples = {HELLO: LoadSample(3, 3)}
    await world.pass_seconds(2)

    world.samples = {HELLO: LoadSample(90, 90)}
    await world.pass_seconds(1)

    assert world.desired() > 1


async def test_instances_nobody_reports_on_count_as_idle() -> None:
    """A source lists what carries something; the rest of what runs carries nothing."""
    world = World()
    world.ready[HELLO] = 1
    world.deciders.ensure(HELLO, SPEC)

    await world.pass_seconds(2)

    assert world.desired() == 0


async def test_a_blind_source_puts_nobody_to_sleep() -> None:
    world = World()
    world.ready[HELLO] = 1
    world.samples = {HELLO: LoadSample(5, 5)}
    world.deciders.ensure(HELLO, SPEC)
    await world.pass_seconds(4)
    assert world.desired() == 1

    world.blind = True
    await world.pass_seconds(300)

    assert world.desired() == 1


async def test_sleeping_revisions_are_not_looked_at() -> None:
    world = World()
    for number in range(100):
        world.deciders.ensure(NamespacedName("default", f"r{number}"), SPEC)
    await world.pass_seconds(2)
    assert world.deciders.awake == 0

    world.samples = {NamespacedName("default", "r7"): LoadSample(2, 2)}
    await world.pass_seconds(2)
    assert world.deciders.awake == 1
    world.deciders.poke("default", "r8")
    assert world.deciders.awake == 2


async def test_a_revision_goes_dormant_once_its_window_is_empty() -> None:
    world = World()
    world.ready[HELLO] = 1
    world.samples = {HELLO: LoadSample(1, 1)}
    world.deciders.ensure(HELLO, SPEC)
    await world.pass_seconds(4)
    world.samples = {}
    await world.pass_seconds(62)
    assert world.desired() == 0

    world.ready[HELLO] = 0
    await world.pass_seconds(63)
    assert world.deciders.awake == 0
    world.ready[HELLO] = 1
    world.deciders.rouse(HELLO)
    assert world.deciders.awake == 1


async def test_one_that_never_came_up_is_given_up_with_its_requests() -> None:
    """The client went away before anybody was ready; nobody wants an instance any more."""
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    world.deciders.poke("default", "hello-00001")
    world.samples = {HELLO: LoadSample(1, 1)}
    await world.pass_seconds(5)
    world.samples = {}

    await world.pass_seconds(50)
    assert world.desired() == 1
    await world.pass_seconds(12)

    assert world.desired() == 0


async def test_listeners_hear_of_a_changed_number_or_gate_only() -> None:
    world = World()
    world.ready[HELLO] = 1
    world.samples = {HELLO: LoadSample(5, 5)}
    world.deciders.ensure(HELLO, SPEC)
    await world.pass_seconds(20)
    assert world.changed == [HELLO]

    world.ready[HELLO] = 30  # 300 - 211 - 5: now there is room, and nothing was asked for
    await world.pass_seconds(2)

    assert len(world.changed) == 2


async def test_a_changed_spec_takes_effect_and_keeps_the_windows() -> None:
    world = World()
    world.ready[HELLO] = 1
    world.samples = {HELLO: LoadSample(7, 7)}
    world.deciders.ensure(HELLO, SPEC)
    await world.pass_seconds(10)

    finer = replace(SPEC, target_value=3.5, stable_window_seconds=120)
    world.deciders.ensure(HELLO, finer)
    world.samples = {}
    world.blind = True
    await world.pass_seconds(2)

    assert world.desired(spec=finer) == 2


async def test_a_restart_shrinks_nothing_while_it_knows_nothing() -> None:
    world = World()
    world.ready[HELLO] = 6
    world.deciders.ensure(HELLO, SPEC)

    await world.pass_seconds(30)

    assert world.desired() == 6


async def test_a_removed_revision_is_gone() -> None:
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    world.deciders.remove(HELLO)
    world.deciders.remove(HELLO)
    world.samples = {HELLO: LoadSample(5, 5)}

    world.deciders.poke("default", "hello-00001")
    await world.pass_seconds(2)

    assert len(world.deciders) == 0
    assert world.deciders.explain("default", "hello-00001") is None


async def test_with_the_gate_always_in_the_path_silence_is_idleness() -> None:
    world = World()
    spec = replace(SPEC, target_burst_capacity=-1)
    world.deciders.ensure(HELLO, spec)

    await world.pass_seconds(2)

    assert world.deciders.ensure(HELLO, spec) == Recommendation(0, -1)
    assert world.deciders.awake == 0


async def test_the_task_collects_once_in_the_middle_of_every_second() -> None:
    world = World()
    at: list[float] = []
    collect = world.collect

    def noting() -> Mapping[NamespacedName, LoadSample] | None:
        at.append(world.clock.monotonic())
        return collect()

    world.collect = noting
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.deciders.run())
        await asyncio.sleep(0)
        await world.clock.advance(4.2)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert at == [0.5, 1.5, 2.5, 3.5]


async def test_a_load_that_wakes_is_looked_at_soon_and_each_second_once() -> None:
    """A look moves to a third of a second after the wake, within its own second of the clock."""
    world = World()
    at: list[float] = []
    collect = world.collect

    def noting() -> Mapping[NamespacedName, LoadSample] | None:
        at.append(world.clock.monotonic())
        return collect()

    world.collect = noting
    world.deciders.ensure(HELLO, SPEC)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.deciders.run())
        for wake in (0.1, 1.45, 2.48, 3.6, 5.55):
            await asyncio.sleep(0)
            await world.clock.advance(wake - world.clock.monotonic())
            world.deciders.poke("default", "hello-00001")
            world.deciders.remove(HELLO)
            world.deciders.ensure(HELLO, SPEC)
        await world.clock.advance(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert [round(moment, 2) for moment in at] == [0.5, 1.75, 2.78, 3.5, 4.05, 5.5, 6.05]


async def test_a_loop_that_was_held_up_does_not_count_a_second_twice() -> None:
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    world.samples = {HELLO: LoadSample(7, 7)}
    await world.clock.advance(1.2)
    world.deciders.step()  # that of the second before, late

    assert world.deciders._due(world.clock.monotonic()) >= 2


async def test_what_is_not_known_of_a_short_life_is_taken_to_be_like_the_rest() -> None:
    """Fifty for 0.2 of 0.4 s, and no news since: fifty at a time, not twenty-five."""
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    await world.clock.advance(0.6)
    world.deciders.poke("default", "hello-00001")
    await world.clock.advance(0.4)
    world.samples = {HELLO: LoadSample(50 * 0.2, 50, unseen_seconds=0.2)}

    world.deciders.step()

    report = world.deciders.explain("default", "hello-00001")
    assert report is not None
    assert report.history[-1]["stable"] == 50


async def test_reports_carry_the_decision_and_its_words() -> None:
    world = World()
    world.deciders.ensure(HELLO, SPEC)
    world.deciders.poke("default", "hello-00001")

    report = world.deciders.explain("default", "hello-00001")

    assert report is not None
    assert report.summary == "hello-00001: wants 1, 0 ready, stable mode"
    assert report.history[0]["poked"] is True
    assert report.reasons[0] == "1 concurrent on average over 60 s ÷ (10 × 70 %) = 0.14 → 1"
