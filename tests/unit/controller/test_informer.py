"""What informers read and remember: in pages, and small when it has not changed for a while."""

from __future__ import annotations

import asyncio

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import core
from wakeful.apis.core import ConfigMap
from wakeful.client import Informer, Listing
from wakeful.client.informer import _is_newer
from wakeful.cmd.longlived import LongLived
from wakeful.testing.world import World


async def test_what_is_listed_or_does_not_change_for_a_while_is_made_small() -> None:
    world = World(Scheme(core.RESOURCES))
    await world.prepare()
    await world.given(ConfigMap(metadata=ObjectMeta(name="a", namespace="default")))
    clock, told = ManualClock(), asyncio.Queue[int]()
    informer = Informer(
        world.client, ConfigMap, namespace="default", clock=clock, on_settled=told.put_nowait
    )

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(informer.run())
        await informer.synced.wait()
        assert told.get_nowait() == len(informer)
        a = informer.get("a", "default")
        await world.given(ConfigMap(metadata=ObjectMeta(name="b", namespace="default")))
        b = await world.eventually(lambda: informer.get("b", "default"))
        assert a is not None
        assert a.__pydantic_fields_set__ is not b.__pydantic_fields_set__
        while told.empty():
            await clock.advance(5)
            await asyncio.sleep(0)
        running.cancel()

    assert told.get_nowait() == 1
    assert a.__pydantic_fields_set__ is b.__pydantic_fields_set__
    assert informer.get("b", "default") is b


async def test_changes_tell_whether_they_happened_or_were_only_found() -> None:
    world = World(Scheme(core.RESOURCES))
    await world.prepare()
    await world.given(ConfigMap(metadata=ObjectMeta(name="old", namespace="default")))
    informer = Informer(world.client, ConfigMap, namespace="default")
    seen: dict[str, bool] = {}
    informer.add_handler(lambda change: seen.update({change.object.metadata.name: change.listed}))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(informer.run())
        await informer.synced.wait()
        await world.given(ConfigMap(metadata=ObjectMeta(name="new", namespace="default")))
        await world.eventually(lambda: "new" in seen)
        running.cancel()

    assert (seen["old"], seen["new"]) == (True, False)


def test_only_many_settled_objects_are_frozen() -> None:
    frozen: list[int] = []
    total = 0
    objects = LongLived(lambda: frozen.append(total))

    for total in range(500, 100_001, 500):
        objects.on_settled(500, total)

    assert frozen[0] == 2_000
    assert 10 < len(frozen) < 25


async def test_many_objects_are_read_in_pages() -> None:
    world = World(Scheme(core.RESOURCES))
    await world.prepare()
    names = {f"map-{number}" for number in range(5)}
    for name in names:
        await world.given(ConfigMap(metadata=ObjectMeta(name=name, namespace="default")))
    informer = Informer(world.client, ConfigMap, namespace="default", listing=Listing(page=2))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(informer.run())
        await informer.synced.wait()
        assert {found.metadata.name for found in informer.list()} == names

        await world.client.delete(ConfigMap, "map-3", "default")
        await world.eventually(lambda: informer.get("map-3", "default") is None)
        running.cancel()


@pytest.mark.parametrize(
    ("known", "told", "newer"),
    [
        (("u", "9"), ("u", "10"), True),
        (("u", "10"), ("u", "9"), False),
        (("u", "10"), ("u", "10"), False),
        (("u", "10"), ("v", "9"), True),
        (("u", "opaque"), ("u", "other"), True),
        (("u", "opaque"), ("u", "opaque"), False),
    ],
)
def test_what_is_known_already_is_not_taken_for_news(
    known: tuple[str, str], told: tuple[str, str], newer: bool
) -> None:
    """A later page of a list may have told it before the watch does."""

    def state(facts: tuple[str, str]) -> ConfigMap:
        return ConfigMap(metadata=ObjectMeta(name="a", uid=facts[0], resource_version=facts[1]))

    assert _is_newer(state(told), state(known)) is newer
