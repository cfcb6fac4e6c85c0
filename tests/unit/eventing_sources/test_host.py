"""One task for each source that is ready for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from wakeful.aio.clock import ManualClock
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import apiextensions, core, events, sources
from wakeful.apis.core import Event
from wakeful.apis.duck import Addressable
from wakeful.apis.sources import PingSource, PingSourceSpec, SourceKey
from wakeful.eventing.sources.host import AdapterHost, Report
from wakeful.testing.world import World

SCHEME = Scheme((*core.RESOURCES, *events.RESOURCES, *apiextensions.RESOURCES, *sources.RESOURCES))


@dataclass
class Adapter:
    """Runs until cancelled, or fails when told to."""

    started: list[str]
    ended: list[str]
    failures: int = 0

    async def run(self, plan: str, report: Report) -> None:
        self.started.append(plan)
        if self.failures:
            self.failures -= 1
            raise OSError("no luck")
        report.running()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(plan)


def plan_of(source: PingSource) -> str | None:
    return source.spec.data or None if source.status.sink_uri else None


@dataclass
class Stage:
    world: World
    host: AdapterHost
    adapter: Adapter
    clock: ManualClock
    heard: list[SourceKey]

    async def given(self, data: str, name: str = "p") -> PingSource:
        source = PingSource(
            metadata=ObjectMeta(name=name, namespace="default"),
            spec=PingSourceSpec(data=data),
        )
        source.spec.sink.uri = "http://sink.test"
        source.status.mark_sink(Addressable(url="http://sink.test"))
        source.status.observed_generation = 1
        return await self.world.given(source)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    world, clock = World(SCHEME), ManualClock()
    host, adapter = AdapterHost(world.manager, clock), Adapter([], [])
    host.serve(PingSource, plan_of, adapter.run)
    heard: list[SourceKey] = []
    host.on_change(heard.append)
    world.manager.add(host)
    async with world.running():
        yield Stage(world, host, adapter, clock, heard)


async def test_a_task_lives_as_long_as_its_source(stage: Stage) -> None:
    source = await stage.given("a")
    await stage.world.eventually(lambda: stage.adapter.started == ["a"])
    state = await stage.world.eventually(lambda: stage.host.state(source))
    assert state.running
    assert SourceKey.of(source) in stage.heard
    await stage.world.client.delete(PingSource, "p", "default")
    await stage.world.eventually(lambda: stage.adapter.ended == ["a"])
    assert stage.host.state(source) is None


async def test_a_new_spec_waits_for_its_status(stage: Stage) -> None:
    """Until the sink is resolved anew, the old task goes on."""
    await stage.given("a")
    await stage.world.eventually(lambda: stage.adapter.started)
    patch = {"spec": {"data": "b"}}
    changed = await stage.world.client.patch(PingSource, "p", "default", patch)
    await stage.given("later", name="q")  # changes are looked at in their order
    await stage.world.eventually(lambda: stage.adapter.started == ["a", "later"])
    assert stage.adapter.ended == []
    changed.status.observed_generation = 2
    await stage.world.client.update_status(changed)
    await stage.world.eventually(lambda: stage.adapter.started == ["a", "later", "b"])
    assert stage.adapter.ended == ["a"]


async def test_what_does_not_matter_to_the_task_leaves_it_alone(stage: Stage) -> None:
    await stage.given("a")
    await stage.world.eventually(lambda: stage.adapter.started)
    patch = {"metadata": {"labels": {"a": "b"}}}
    await stage.world.client.patch(PingSource, "p", "default", patch)
    await stage.given("later", name="q")
    await stage.world.eventually(lambda: "later" in stage.adapter.started)
    assert (stage.adapter.started, stage.adapter.ended) == (["a", "later"], [])


async def test_a_task_that_fails_is_started_again(stage: Stage) -> None:
    stage.adapter.failures = 2
    source = await stage.given("a")

    def fault() -> str:
        state = stage.host.state(source)
        return state.fault if state is not None else ""

    assert await stage.world.eventually(fault) == "no luck"
    while not (state := stage.host.state(source)) or not state.running:
        await asyncio.sleep(0)
        await stage.clock.advance(1)
    assert stage.adapter.started == ["a"] * 3


async def test_lost_events_are_told_of_once_a_minute(stage: Stage) -> None:
    """A source that watches events would otherwise report its own failures for ever."""

    async def lose(plan: str, report: Report) -> None:
        for number in range(3):
            report.lost(f"{plan} {number}")
        await stage.clock.sleep(61)
        report.lost("later")
        await asyncio.Event().wait()

    stage.host.serve(PingSource, plan_of, lose)
    await stage.given("a")

    async def told() -> set[str]:
        return {e.message for e in await stage.world.all(Event)}

    async def first() -> bool:
        return await told() == {"a 0"}

    await stage.world.eventually(first)
    await stage.clock.advance(62)

    async def second() -> bool:
        return await told() == {"a 0", "later"}

    await stage.world.eventually(second)
