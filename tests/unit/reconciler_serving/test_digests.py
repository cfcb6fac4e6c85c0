from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.oci.errors import ImageNotFoundError
from wakeful.reconciler.serving.revision.digests import DigestQueue, ResolveRequest

KEY = NamespacedName("default", "r1")


class Registry:
    """Answers when the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[str] = []

    async def resolve(
        self,
        image: str,
        *,
        keychain: Any = None,
        skip_registries: Collection[str] = (),
        timeout: float = 10.0,
    ) -> str:
        self.asked.append(image)
        await self.gate.wait()
        if image == "missing":
            raise ImageNotFoundError(image)
        return f"{image}@sha256:abc"


@asynccontextmanager
async def running(queue: DigestQueue) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(queue.run())
        yield
        task.cancel()


def request(*images: str, uid: str = "1") -> ResolveRequest:
    return ResolveRequest(KEY, uid, images)


async def test_quick_answer_is_waited_for_and_nobody_is_enqueued() -> None:
    registry, told = Registry(), list[Any]()
    registry.gate.set()
    queue = DigestQueue(registry)
    queue.on_answer(told.append)
    async with running(queue):
        answer = await queue.resolve(request("a", "b", "a"))
    assert answer is not None
    assert answer.digests == {"a": "a@sha256:abc", "b": "b@sha256:abc"}
    assert registry.asked == ["a", "b"]
    assert told == []


async def test_slow_answer_enqueues_the_revision() -> None:
    registry = Registry()
    told: asyncio.Queue[NamespacedName] = asyncio.Queue()
    queue = DigestQueue(registry, patience=0.001)
    queue.on_answer(told.put_nowait)
    async with running(queue):
        assert await queue.resolve(request("a")) is None
        assert await queue.resolve(request("a")) is None
        registry.gate.set()
        assert await told.get() == KEY
        answer = await queue.resolve(request("a"))
    assert answer is not None
    assert registry.asked == ["a"]


async def test_failure_is_held_back_longer_each_time() -> None:
    registry, clock = Registry(), ManualClock()
    registry.gate.set()
    queue = DigestQueue(registry, clock=clock)
    waits = []
    async with running(queue):
        for _ in range(3):
            failed = await queue.resolve(request("missing"))
            assert failed is not None
            assert failed.error.startswith('Unable to fetch image "missing": failed to resolve')
            assert await queue.resolve(request("missing")) is failed
            waits.append(queue.retry_after(failed))
            await clock.advance(waits[-1])
    assert registry.asked == ["missing"] * 3
    assert waits[2] > waits[0]


async def test_namesake_of_a_deleted_revision_is_resolved_anew() -> None:
    registry = Registry()
    registry.gate.set()
    queue = DigestQueue(registry)
    async with running(queue):
        first = await queue.resolve(request("a"))
        second = await queue.resolve(request("b", uid="2"))
    assert first is not None
    assert second is not None
    assert second.digests == {"b": "b@sha256:abc"}
