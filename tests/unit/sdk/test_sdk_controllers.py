"""Controllers written with the SDK, on the real API server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from pydantic import Field

from wakeful.apis import make_scheme
from wakeful.sdk import (
    APIModel,
    Client,
    ConditionedStatus,
    ConditionSet,
    ConfigMap,
    ControllerRunner,
    Event,
    GroupVersionKind,
    Informer,
    KResource,
    LeaderElection,
    NamespacedName,
    ObjectMeta,
    Reconciler,
    Resource,
    Result,
    TerminalError,
    Tracker,
    current_trace_id,
    is_controlled_by,
    owner_reference,
)
from wakeful.testing.world import World

GREETED = ConditionSet.living("Greeted")


class GreetingSpec(APIModel):
    name: str = ""
    words_from: str = ""


class Greeting(KResource[GreetingSpec, ConditionedStatus]):
    gvk: ClassVar = GroupVersionKind("example.com", "v1", "Greeting")

    spec: GreetingSpec = Field(default_factory=GreetingSpec)
    status: ConditionedStatus = Field(default_factory=ConditionedStatus)


GREETINGS = Resource(Greeting, plural="greetings", has_status=True)


class Greeter(Reconciler[Greeting]):
    """Writes each greeting into a config map of its own, in words that another one holds."""

    finalizer = "greetings.example.com"

    def __init__(
        self, client: Client, maps: Informer[ConfigMap], runner: ControllerRunner, tracker: Tracker
    ) -> None:
        self._client, self._maps, self._events, self._tracker = client, maps, runner.events, tracker
        self.traces: list[str] = []
        self.finalized: list[str] = []
        self.gone: list[NamespacedName] = []

    async def reconcile_kind(self, greeting: Greeting) -> Result | None:
        self.traces.append(current_trace_id())
        manager = GREETED.manage(greeting.status)
        if not greeting.spec.name:
            manager.mark_false("Greeted", "Nobody", "spec.name is empty")
            raise TerminalError(f"{greeting}: nobody to greet")
        words = "Hello"
        if source := greeting.spec.words_from:
            self._tracker.track(greeting, ConfigMap, source, greeting.metadata.namespace)
            found = self._maps.get(source, greeting.metadata.namespace)
            words = found.data.get("words", words) if found is not None else words
        want = ConfigMap(
            metadata=ObjectMeta(
                name=f"{greeting.metadata.name}-text",
                namespace=greeting.metadata.namespace,
                owner_references=[owner_reference(greeting)],
            ),
            data={"text": f"{words} {greeting.spec.name}!"},
        )
        have = self._maps.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            await self._client.create(want)
            self._events.normal(greeting, "Created", f"created {want}")
        elif is_controlled_by(have, greeting) and have.data != want.data:
            await self._client.update(have.model_copy(update={"data": want.data}))
        manager.mark_true("Greeted")
        return None

    async def finalize_kind(self, greeting: Greeting) -> Result | None:
        self.finalized.append(greeting.metadata.name)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        self.gone.append(key)


class Setup:
    def __init__(self, world: World, election: LeaderElection | None = None) -> None:
        self.world = world
        self.client = Client(world.client.transport, kinds=[GREETINGS])
        self.runner = ControllerRunner(self.client, name="greeter", leader_election=election)
        tracker = self.runner.tracker(ConfigMap)
        self.greeter = Greeter(self.client, self.runner.informer(ConfigMap), self.runner, tracker)
        self.controller = self.runner.add(
            Greeting, self.greeter, owns=[ConfigMap], tracker=tracker, conditions=GREETED
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.runner.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def text(self, name: str) -> str:
        found = await self.client.find(ConfigMap, f"{name}-text")
        return found.data.get("text", "") if found else ""


@pytest.fixture
async def world() -> World:
    scheme = make_scheme()
    scheme.add(GREETINGS)
    world = World(scheme)
    await world.prepare()
    return world


@pytest.fixture
def setup(world: World) -> Setup:
    return Setup(world)


def a_greeting(called: str = "first", **spec: str) -> Greeting:
    wire = {"metadata": {"name": called, "namespace": "default"}, "spec": {"name": "World"} | spec}
    return Greeting.model_validate(wire)


async def test_a_kind_of_ones_own_is_reconciled(setup: Setup) -> None:
    """Child, conditions, finalizer and event, all written by the runtime's rules."""
    async with setup.running():
        greeting = await setup.client.create(a_greeting())
        greeting = await setup.client.wait_for_condition(greeting, timeout_seconds=10)

        async def event() -> bool:
            events = await setup.world.all(Event, "default")
            return any(e.reason == "Created" for e in events)

        await setup.world.eventually(event)

    assert await setup.text("first") == "Hello World!"
    assert greeting.status.observed_generation == 1
    assert greeting.metadata.finalizers == [Greeter.finalizer]


async def test_a_child_that_was_changed_is_put_right(setup: Setup) -> None:
    async with setup.running():
        await setup.client.create(a_greeting())
        await setup.world.eventually(lambda: setup.text("first"))

        def spoil(child: ConfigMap) -> None:
            child.data["text"] = "Go away!"

        await setup.client.modify(ConfigMap, "first-text", spoil)

        async def is_right() -> bool:
            return await setup.text("first") == "Hello World!"

        await setup.world.eventually(is_right)


async def test_what_is_tracked_reconciles_who_reads_it(setup: Setup) -> None:
    """The object that is read need not exist when it is first asked for."""
    async with setup.running():
        await setup.client.create(a_greeting(wordsFrom="polite"))
        await setup.world.eventually(lambda: setup.text("first"))
        words = ConfigMap(metadata=ObjectMeta(name="polite"), data={"words": "Good day,"})
        await setup.client.create(words)

        async def is_polite() -> bool:
            return await setup.text("first") == "Good day, World!"

        await setup.world.eventually(is_polite)


async def test_deletion_waits_for_the_finalizer_and_is_observed(setup: Setup) -> None:
    async with setup.running():
        greeting = await setup.client.create(a_greeting())
        await setup.client.wait_for_condition(greeting, timeout_seconds=10)
        await setup.client.delete(Greeting, "first")
        await setup.client.wait_until_gone(greeting, timeout_seconds=10)
        await setup.world.eventually(lambda: setup.greeter.gone)

    assert setup.greeter.finalized == ["first"]
    assert NamespacedName("default", "first") in setup.greeter.gone


async def test_a_terminal_error_is_reported_and_not_retried(setup: Setup) -> None:
    async with setup.running():
        greeting = await setup.client.create(a_greeting(name=""))
        greeting = await setup.client.wait_for_condition(greeting, status="False")
        await setup.world.eventually(lambda: setup.controller.queue.is_idle)

    condition = greeting.status.condition("Ready")
    assert condition is not None
    assert condition.message == "spec.name is empty"
    assert setup.controller.queue.failures(greeting.key) == 0


async def test_every_reconcile_is_a_trace_of_its_own(setup: Setup) -> None:
    async with setup.running():
        for name in ("first", "second"):
            greeting = await setup.client.create(a_greeting(name))
            await setup.client.wait_for_condition(greeting, timeout_seconds=10)

    assert all(setup.greeter.traces)
    assert len(set(setup.greeter.traces)) == len(setup.greeter.traces)
    assert current_trace_id() == ""


async def test_a_follower_does_nothing_until_it_leads(world: World) -> None:
    """What changed while another one led is reconciled by whoever leads next."""
    quick = {"lease_seconds": 1.0, "renew_seconds": 0.5, "retry_seconds": 0.01}
    leader = Setup(world, LeaderElection("greeter", identity="a", **quick))
    follower = Setup(world, LeaderElection("greeter", identity="b", **quick))
    async with leader.running():
        first = await leader.client.create(a_greeting("first"))
        await leader.client.wait_for_condition(first, timeout_seconds=10)
        async with follower.running():
            second = await leader.client.create(a_greeting("second"))
            await leader.client.wait_for_condition(second, timeout_seconds=10)
    assert follower.greeter.traces == []

    async with follower.running():
        third = await follower.client.create(a_greeting("third"))
        await follower.client.wait_for_condition(third, timeout_seconds=10)
    assert follower.greeter.traces


async def test_a_runner_may_be_confined_to_one_namespace(world: World) -> None:
    client = Client(world.client.transport, kinds=[GREETINGS])
    runner = ControllerRunner(client, name="greeter", namespace="default")
    maps = runner.informer(ConfigMap)
    for namespace in ("default", "kube-system"):
        meta = ObjectMeta(name="a", namespace=namespace)
        await client.create(ConfigMap(metadata=meta))

    task = asyncio.create_task(runner.run())
    try:
        await maps.synced.wait()
        assert [str(found.key) for found in maps] == ["default/a"]
    finally:
        task.cancel()
        await asyncio.wait({task})
