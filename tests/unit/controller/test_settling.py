"""Objects that stay: made small when they have not changed for a while, and told of."""

from __future__ import annotations

import asyncio

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import core
from wakeful.apis.core import ConfigMap
from wakeful.client import Informer
from wakeful.cmd.longlived import LongLived
from wakeful.testing.world import World


async def test_what_does_not_change_for_a_while_is_made_small() -> None:
    world = World(Scheme(core.RESOURCES))
    await world.prepare()
    for name in ("a", "b"):
        await world.given(ConfigMap(metadata=ObjectMeta(name=name, namespace="default")))
    clock, told = ManualClock(), asyncio.Queue[int]()
    informer = Informer(
        world.client, ConfigMap, namespace="default", clock=clock, on_settled=told.put_nowait
    )

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(informer.run())
        await informer.synced.wait()
        a, b = informer.get("a", "default"), informer.get("b", "default")
        assert a is not None
        assert b is not None
        assert a.__pydantic_fields_set__ is not b.__pydantic_fields_set__
        while told.empty():
            await clock.advance(5)
            await asyncio.sleep(0)
        running.cancel()

    assert told.get_nowait() == len(informer)
    assert a.__pydantic_fields_set__ is b.__pydantic_fields_set__
    assert informer.get("a", "default") is a


def test_only_many_settled_objects_are_frozen() -> None:
    frozen: list[int] = []
    total = 0
    objects = LongLived(lambda: frozen.append(total))

    for total in range(500, 100_001, 500):
        objects.on_settled(500, total)

    assert frozen[0] == 2_000
    assert 10 < len(frozen) < 25
