"""A list and its watch: what is told of, and what happens when they break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from wakeful.aio.clock import ManualClock
from wakeful.apimachinery.errors import APIStatusError, ExpiredError, ForbiddenError
from wakeful.apimachinery.request import APIRequest
from wakeful.apimachinery.watch import EventType, RawWatchEvent, WatchEvent
from wakeful.controller.kinds import KindInfo
from wakeful.eventing.sources.apiserver import Follower, WatchPlan

CHANGE = EventType.ADDED


def change(version: str, kind: EventType = CHANGE) -> RawWatchEvent:
    return WatchEvent(kind, {"metadata": {"name": f"o{version}", "resourceVersion": version}})


class Kinds:
    def find(self, api_version: str, kind: str) -> KindInfo | None:
        return KindInfo("", "v1", "pods", namespaced=True)


class Server:
    """Answers lists with the versions, and watches with the scripts, one after another."""

    def __init__(self, versions: list[Any], watches: list[list[Any]]) -> None:
        self.versions, self.watches = versions, watches
        self.asked: list[str] = []

    async def call(self, request: APIRequest) -> dict[str, Any]:
        self.asked.append(f"list {request.params.get('labelSelector', '')}".strip())
        found = self.versions.pop(0)
        if isinstance(found, Exception):
            raise found
        return {"metadata": {"resourceVersion": found}, "items": [{"metadata": {"name": "old"}}]}

    @asynccontextmanager
    async def watch(self, request: APIRequest) -> AsyncIterator[AsyncIterator[RawWatchEvent]]:
        self.asked.append(f"watch {request.params['resourceVersion']}")
        script = self.watches.pop(0) if self.watches else [None]
        if script and isinstance(script[0], APIStatusError):
            raise script[0]
        yield self._play(script)

    async def _play(self, script: list[Any]) -> AsyncIterator[RawWatchEvent]:
        for step in script:
            if step is None:
                await asyncio.Event().wait()
            if isinstance(step, Exception):
                raise step
            yield step


class Followed:
    """What a follower said, in order."""

    def __init__(self, server: Server, selector: str = "") -> None:
        self.clock, self.said, self.server = ManualClock(), list[str](), server
        plan = WatchPlan("v1", "Pod", ("default",), selector, None)
        self.follower = Follower(Kinds(), server, self.clock, plan, "default")

    async def until(self, done: Callable[[], bool]) -> None:
        async def on_change(found: RawWatchEvent) -> None:
            self.said.append(found.object["metadata"]["name"])

        task = asyncio.create_task(
            self.follower.run(
                on_change,
                lambda: self.said.append("up"),
                lambda fault: self.said.append(f"down: {fault}"),
            )
        )
        async with asyncio.timeout(60):
            while not done():
                await asyncio.sleep(0)
                await self.clock.advance(1)
        task.cancel()
        await asyncio.wait([task])


async def test_a_watch_that_ends_resumes_where_it_was() -> None:
    """Bookmarks count; what was there at the start is not told of."""
    server = Server(["5"], [[change("6"), change("8", EventType.BOOKMARK)], [change("9"), None]])
    found = Followed(server, "a=b")
    await found.until(lambda: "o9" in found.said)
    assert server.asked == ["list a=b", "watch 5", "watch 8"]
    assert found.said == ["up", "o6", "up", "o9"]


async def test_a_version_that_was_forgotten_is_listed_anew() -> None:
    server = Server(["5", "50"], [[change("6"), ExpiredError("too old")], [change("51"), None]])
    found = Followed(server)
    await found.until(lambda: "o51" in found.said)
    assert server.asked == ["list", "watch 5", "list", "watch 50"]


@pytest.mark.parametrize(
    ("error", "text"),
    [(ForbiddenError("pods is forbidden"), "pods is forbidden"), (OSError("gone"), "gone")],
)
async def test_what_keeps_it_from_watching_is_told_and_tried_again(
    error: Exception, text: str
) -> None:
    server = Server([error, "5"], [[change("6"), None]])
    found = Followed(server)
    await found.until(lambda: "o6" in found.said)
    assert found.said[0].startswith("down: ")
    assert found.said[0].endswith(text)
    assert found.said[1:] == ["up", "o6"]


async def test_a_watch_that_breaks_loses_nothing() -> None:
    broken: list[Any] = [change("6"), OSError("connection reset")]
    server = Server(["5"], [broken, [change("7"), None]])
    found = Followed(server)
    await found.until(lambda: "o7" in found.said)
    assert server.asked == ["list", "watch 5", "watch 6"]
