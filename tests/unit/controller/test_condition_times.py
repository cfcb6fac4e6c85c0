"""A condition that ends as it began keeps the time of its last transition."""

from __future__ import annotations

from datetime import UTC, datetime

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import core, eventing
from wakeful.apis.eventing import TRIGGER_CONDITIONS, Trigger
from wakeful.controller import Controller
from wakeful.testing.world import World

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class TwoFaults:
    """Says the one thing, then the other, every time."""

    def __init__(self) -> None:
        self.count = 0

    async def reconcile_kind(self, trigger: Trigger) -> None:
        self.count += 1
        trigger.status.mark_broker_failed("One", "first")
        trigger.status.mark_subscriber_failed("Two", "second")


async def test_two_faults_are_written_once() -> None:
    """The sum of the conditions is the one fault for a moment, then the other, as it was before."""
    world = World(Scheme((*core.RESOURCES, *eventing.RESOURCES)))
    reconciler = TwoFaults()
    informer = world.manager.informer(Trigger)
    controller = Controller(
        "test", world.client, informer, reconciler, conditions=TRIGGER_CONDITIONS
    )
    world.manager.add(controller)
    trigger = Trigger.from_wire(
        {
            "metadata": {"name": "t", "namespace": "default"},
            "spec": {"broker": "b", "subscriber": {"uri": "http://x.test"}},
        }
    )
    async with world.running():
        await world.given(trigger)

        async def told() -> Trigger | None:
            found = await world.find(Trigger, "t")
            ready = found and found.status.condition(READY)
            return found if ready and ready.reason == "Two" else None

        found = await world.eventually(told)
        for condition in found.status.conditions:
            condition.last_transition_time = LONG_AGO
        found = await world.client.update_status(found)
        version = found.metadata.resource_version

        def has_arrived() -> bool:
            return bool(informer.get("t", "default").metadata.resource_version == version)

        await world.eventually(has_arrived)
        before = reconciler.count
        controller.enqueue(found.key)
        await world.eventually(lambda: reconciler.count > before and controller.queue.is_idle)
        found = await world.latest(found)
        assert found.metadata.resource_version == version
        assert {c.last_transition_time for c in found.status.conditions} == {LONG_AGO}
