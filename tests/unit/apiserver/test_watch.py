from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from wakeful.apimachinery.errors import ExpiredError, InvalidError, TimedOutError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.storage.history import History


def request(resource: str = "widgets", namespace: str = "default", **params: str) -> APIRequest:
    group = {"widgets": "test.dev"}.get(resource, "")
    return APIRequest(Verb.WATCH, group, "v1", resource, namespace, params=params)


class Eyes:
    def __init__(self, events: AsyncIterator[Any]) -> None:
        self._events = events

    async def see(self, count: int) -> list[tuple[str, str]]:
        """The next events as (type, name)."""
        return [(str(e.type), e.object["metadata"].get("name", "")) for e in await self.raw(count)]

    async def raw(self, count: int) -> list[Any]:
        async with asyncio.timeout(60):
            return [await anext(self._events) for _ in range(count)]

    async def end(self) -> None:
        async with asyncio.timeout(60):
            async for event in self._events:
                raise AssertionError(f"unexpected {event.type} {event.object}")


@asynccontextmanager
async def watching(world: Any, *args: str, **params: str) -> AsyncIterator[Eyes]:
    async with world.transport.watch(request(*args, **params)) as events:
        yield Eyes(events)


async def test_without_a_version_the_present_comes_first(world: Any, widget: Any) -> None:
    """Synthetic additions, then changes."""
    made = await world.create(widget(size=1))
    async with watching(world) as eyes:
        assert await eyes.see(1) == [("ADDED", "w")]
        made = await world.update(made | {"spec": {"size": 2}})
        await world.delete("widgets", "w")
        changed, deleted = await eyes.raw(2)

    assert changed.type == "MODIFIED"
    assert changed.object == made
    assert deleted.type == "DELETED"
    assert deleted.object["metadata"]["resourceVersion"] == str(world.store.revision)


async def test_after_a_list_only_changes_come(world: Any, widget: Any) -> None:
    """Nothing is lost, nothing repeated."""
    await world.create(widget() | {"metadata": {"name": "a"}})
    listed = await world.ask(Verb.LIST)
    await world.create(widget() | {"metadata": {"name": "b"}})
    async with watching(
        world, resourceVersion=listed.object["metadata"]["resourceVersion"]
    ) as eyes:
        await world.create(widget() | {"metadata": {"name": "c"}})
        assert await eyes.see(2) == [("ADDED", "b"), ("ADDED", "c")]


async def test_other_namespaces_stay_out(world: Any, widget: Any) -> None:
    """Unless all are asked for."""
    await world.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    async with watching(world) as one, watching(world, "widgets", "") as every:
        away = widget() | {"metadata": {"name": "away"}}
        await world.create(away, namespace="other")
        await world.create(widget())

        assert await one.see(1) == [("ADDED", "w")]
        assert await every.see(2) == [("ADDED", "away"), ("ADDED", "w")]


async def test_objects_come_into_a_selection_and_leave_it(world: Any, widget: Any) -> None:
    """A label change is an addition or a deletion to who selects by it."""
    obj = await world.create(widget())

    async def label(value: str) -> None:
        nonlocal obj
        obj["metadata"] = obj["metadata"] | {"labels": {"color": value}}
        obj = await world.update(obj)

    async with watching(world, labelSelector="color=red") as eyes:
        await label("red")
        obj = await world.update(obj | {"spec": {"size": 1}})
        await label("blue")
        added, modified, deleted = await eyes.raw(3)
        await label("red")
        await world.delete("widgets", "w")
        assert await eyes.see(2) == [("ADDED", "w"), ("DELETED", "w")]

    assert (added.type, modified.type, deleted.type) == ("ADDED", "MODIFIED", "DELETED")
    assert deleted.object["metadata"]["labels"] == {"color": "red"}
    version = deleted.object["metadata"]["resourceVersion"]
    assert int(version) > int(modified.object["metadata"]["resourceVersion"])


async def test_one_object_is_watched_by_name(world: Any, widget: Any) -> None:
    """As kubectl get NAME -w and every wait do."""
    await world.create(widget())
    async with watching(world, fieldSelector="metadata.name=v") as eyes:
        await world.create(widget() | {"metadata": {"name": "v"}})
        assert await eyes.see(1) == [("ADDED", "v")]


async def test_streaming_list_ends_with_a_bookmark(world: Any, widget: Any) -> None:
    """Informers wait for it."""
    await world.create(widget())
    version = str(world.store.revision)
    async with watching(
        world,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    ) as eyes:
        added, bookmark = await eyes.raw(2)
        await world.delete("widgets", "w")
        assert await eyes.see(1) == [("DELETED", "w")]

    assert added.type == "ADDED"
    assert bookmark.type == "BOOKMARK"
    assert bookmark.object["kind"] == "Widget"
    assert bookmark.object["apiVersion"] == "test.dev/v1"
    assert bookmark.object["metadata"]["resourceVersion"] == version
    assert bookmark.object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_other_version_is_converted(world: Any, widget: Any) -> None:
    """Events come in the version of the URL."""
    await world.create(widget(size=1))
    old = APIRequest(Verb.WATCH, "test.dev", "v1alpha1", "widgets", "default")
    async with world.transport.watch(old) as events:
        event = await anext(events)

    assert event.object["apiVersion"] == "test.dev/v1alpha1"
    assert event.object["spec"] == {"length": 1, "color": "red"}


async def test_forgotten_version_has_expired(world: Any, widget: Any) -> None:
    """The client lists again."""
    world.store._history = History(world.store.revision, max_events=2)
    version = str(world.store.revision)
    for i in range(5):
        await world.create(widget() | {"metadata": {"name": f"n{i}"}})

    with pytest.raises(ExpiredError, match="too old resource version"):
        async with watching(world, resourceVersion=version):
            pass


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"resourceVersion": "999999"}, TimedOutError),
        ({"sendInitialEvents": "true"}, InvalidError),
        ({"resourceVersionMatch": "NotOlderThan"}, InvalidError),
        ({"sendInitialEvents": "true", "resourceVersionMatch": "Exact"}, InvalidError),
    ],
)
async def test_bad_parameters_are_refused(
    world: Any, params: dict[str, str], error: type[Exception]
) -> None:
    """Before the first event."""
    with pytest.raises(error):
        async with watching(world, **params):
            pass


async def test_time_is_up(world: Any) -> None:
    """A watch ends by itself after timeoutSeconds, with a bookmark if those are wanted."""
    async with watching(world, timeoutSeconds="1", allowWatchBookmarks="true") as eyes:
        (bookmark,) = await eyes.raw(1)
        await eyes.end()

    assert bookmark.type == "BOOKMARK"
    assert bookmark.object["metadata"]["resourceVersion"] == str(world.store.revision)


async def test_watch_ends_with_the_server(world: Any) -> None:
    """Closing the store lets every watcher go."""
    async with watching(world) as eyes:
        world.store.close()
        await eyes.end()
