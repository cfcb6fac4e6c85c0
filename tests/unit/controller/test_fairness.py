"""A long queue does not keep everybody else off the loop."""

from __future__ import annotations

import asyncio

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import core
from wakeful.apis.core import ConfigMap
from wakeful.controller import Controller
from wakeful.testing.world import World

MANY = 40


class NothingToDo:
    def __init__(self) -> None:
        self.count = 0

    async def reconcile_kind(self, _obj: ConfigMap) -> None:
        self.count += 1


async def test_others_get_turns_between_objects_that_need_nothing() -> None:
    world = World(Scheme(core.RESOURCES))
    for number in range(MANY):
        await world.given(ConfigMap(metadata=ObjectMeta(name=f"c{number}", namespace="default")))
    reconciler = NothingToDo()
    informer = world.manager.informer(ConfigMap)
    controller = Controller("test", world.client, informer, reconciler, workers=1)
    world.manager.add(controller)
    async with world.running():
        await world.eventually(lambda: reconciler.count >= MANY and controller.queue.is_idle)
        reconciler.count = 0
        controller.enqueue_all()
        turns = 0
        async with asyncio.timeout(10):
            while reconciler.count < MANY:
                await asyncio.sleep(0)
                turns += 1

    assert turns > MANY // 2
