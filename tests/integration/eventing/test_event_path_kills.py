"""kill -9 of the event server and of the event process while events flow."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from wakeful.eventing.delivery import BackoffPolicy, RetryPolicy
from wakeful.eventing.plan.model import Plan
from wakeful.testing.eventing import BROKER_HOST, EventPath, a_broker, a_trigger
from wakeful.testing.http import answering
from wakeful.testing.waiting import eventually


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[EventPath]:
    async with EventPath(tmp_path) as path:
        yield path


async def test_nothing_accepted_is_lost(path: EventPath) -> None:
    """Both die twice; a sender repeats what was not answered, as every sender must."""
    seen: Counter[str] = Counter()

    async def take(request: web.Request) -> web.Response:
        seen[request.headers["ce-id"]] += 1
        return web.Response()

    accepted: list[str] = []
    stop = asyncio.Event()

    async def send(session: aiohttp.ClientSession, sender: int) -> None:
        number = 0
        while not stop.is_set():
            name = f"{sender}-{number}"
            number += 1
            headers = {
                "host": BROKER_HOST,
                "ce-specversion": "1.0",
                "ce-id": name,
                "ce-source": "/s",
                "ce-type": "t",
            }
            await eventually(lambda h=headers: _sent(session, path.url, h), every=0.02)
            accepted.append(name)

    retry = RetryPolicy(10, BackoffPolicy.EXPONENTIAL, 0.05)
    async with answering(take, shutdown_timeout=0.2) as url:
        stream, route = a_broker()
        await path.use(Plan((stream,), (route,), (a_trigger(stream, "t", url, retry=retry),)))
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            for sender in range(10):
                group.create_task(send(session, sender))
            for _ in range(2):
                for die, rise in ((path.kill, path.start), (path.nats.kill, path.nats.start)):
                    await _grown(accepted, 200)
                    die()
                    rise()
            await _grown(accepted, 200)
            stop.set()
        await eventually(lambda: seen.keys() >= set(accepted))


async def _sent(session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> bool:
    try:
        async with session.post(f"{url}/default/default", headers=headers) as answer:
            return answer.status == 202
    except aiohttp.ClientError:
        return False


async def _grown(items: list[str], more: int) -> None:
    enough = len(items) + more
    await eventually(lambda: len(items) >= enough)


async def test_an_orderly_end_leaves_nothing_half_done(path: EventPath) -> None:
    """SIGTERM: what is on its way arrives before the process ends, once."""
    seen: Counter[str] = Counter()

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        seen[request.headers["ce-id"]] += 1
        return web.Response()

    async with answering(slow, shutdown_timeout=0.2) as url, aiohttp.ClientSession() as session:
        stream, route = a_broker()
        await path.use(Plan((stream,), (route,), (a_trigger(stream, "t", url),)))
        for number in range(20):
            headers = {
                "host": BROKER_HOST,
                "ce-specversion": "1.0",
                "ce-id": str(number),
                "ce-source": "/s",
                "ce-type": "t",
            }
            async with session.post(f"{path.url}/default/default", headers=headers) as answer:
                assert answer.status == 202

        await asyncio.to_thread(path.stop)
        path.start()
        await eventually(lambda: len(seen) == 20)
    assert set(seen.values()) == {1}
