"""Streams and consumers follow the plan."""

from __future__ import annotations

import asyncio

import pytest

from wakeful.eventbus.memory import MemoryBus
from wakeful.eventing.plan.model import Plan
from wakeful.eventing.worker import keeper as keeper_module
from wakeful.eventing.worker.keeper import Keeper
from wakeful.testing.eventing import a_broker, a_trigger


async def test_what_is_made_again_under_its_old_name_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Broker that was deleted long ago, or whose stream somebody removed, gets another one."""
    monkeypatch.setattr(keeper_module, "_REMOVE_AFTER_SECONDS", 0.0)
    stream, route = a_broker()
    plan = Plan((stream,), (route,), (a_trigger(stream, "t", "http://x/"),))
    news = asyncio.Event()

    async with MemoryBus() as bus:
        keeper = Keeper(bus, news.set)

        async def use(plan: Plan) -> None:
            news.clear()
            keeper.use(plan)
            async with asyncio.timeout(60):
                while keeper.state.plan != plan.version() or any(keeper.state.streams.values()):
                    await news.wait()
                    news.clear()

        running = asyncio.create_task(keeper.run())
        await use(plan)
        await use(Plan())
        assert not await bus.streams()
        await use(plan)
        assert [consumer.name for consumer in await bus.consumers(stream.name)] == ["t_t"]

        await bus.delete_stream(stream.name)
        other = Plan((stream,), (route,), (a_trigger(stream, "other", "http://x/"),))
        await use(other)
        async with asyncio.timeout(60):
            while any(keeper.state.consumers.values()):
                await news.wait()
                news.clear()
        assert [consumer.name for consumer in await bus.consumers(stream.name)] == ["t_other"]
        running.cancel()
        await asyncio.wait([running])
