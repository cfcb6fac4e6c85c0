"""Components start in order, drain in reverse, and never end unnoticed."""

from __future__ import annotations

import asyncio

import pytest

from wakeful.aio import ComponentExitedError, Lifetime, supervise


class Recorder:
    def __init__(
        self, name: str, log: list[str], *, fail: bool = False, hang: bool = False
    ) -> None:
        self.name, self._log, self._fail, self._hang = name, log, fail, hang

    async def run(self, life: Lifetime) -> None:
        self._log.append(f"start {self.name}")
        life.started.set()
        if self._fail:
            return
        await life.draining.wait()
        if self._hang:
            await asyncio.Event().wait()
        self._log.append(f"stop {self.name}")


async def test_components_drain_in_reverse_order() -> None:
    log: list[str] = []
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(
        supervise([Recorder("a", log), Recorder("b", log)], stop, ready=ready)
    )

    await ready.wait()
    stop.set()
    await running

    assert log == ["start a", "start b", "stop b", "stop a"]


async def test_component_that_ends_early_brings_the_platform_down() -> None:
    log: list[str] = []

    with pytest.raises(ExceptionGroup) as caught:
        await supervise(
            [Recorder("a", log), Recorder("b", log, fail=True)], asyncio.Event(), grace_seconds=5
        )

    assert caught.group_contains(ComponentExitedError, match="'b'")


async def test_component_that_does_not_drain_is_cancelled() -> None:
    log: list[str] = []
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(
        supervise(
            [Recorder("a", log), Recorder("b", log, hang=True)],
            stop,
            ready=ready,
            grace_seconds=0.3,
        )
    )

    await ready.wait()
    stop.set()
    await running

    assert log == ["start a", "start b", "stop a"]


class SlowToStart:
    name = "slow"

    async def run(self, life: Lifetime) -> None:
        await asyncio.sleep(0.05)
        life.started.set()
        await life.draining.wait()


async def test_starting_may_take_longer_than_draining() -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    with pytest.raises(ExceptionGroup) as caught:
        await supervise([SlowToStart()], stop, grace_seconds=0.01)
    assert caught.group_contains(TimeoutError)

    running = asyncio.create_task(
        supervise([SlowToStart()], stop, grace_seconds=0.01, start_seconds=60, ready=ready)
    )
    await ready.wait()
    stop.set()
    await running
