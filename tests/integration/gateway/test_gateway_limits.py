"""How long a connection that was upgraded may stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from wakeful.gateway import RevisionKey
from wakeful.testing.gateway import revision, running_app, running_gateway, simple_plan

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"


@pytest.mark.parametrize(
    "limits", [{"timeout_seconds": 1.0}, {"response_start_timeout_seconds": 1.0}]
)
async def test_websocket_ends_at_its_timeout(limits: dict[str, float]) -> None:
    plan = simple_plan(revision("hello", **limits))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        async with rig.http.ws_connect(rig.url, headers={"Host": HOST}) as socket:
            ended = await socket.receive(timeout=30)

            assert ended.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


@pytest.mark.parametrize("limit", [0, 1])
async def test_response_has_its_time_to_start_from_the_end_of_the_request(limit: int) -> None:
    """The body may take longer; the answer may not."""
    start = 0.5
    backend = revision("hello", response_start_timeout_seconds=start, container_concurrency=limit)
    async with running_app("one") as app, running_gateway(simple_plan(backend)) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        async def slow_body() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"piece"
                await asyncio.sleep(start / 2)  # the client that is played here

        async def answer(path: str) -> tuple[int, str]:
            url, headers = rig.url + path, {"Host": HOST}
            async with rig.http.post(url, headers=headers, data=slow_body()) as response:
                return response.status, await response.text()

        status, text = await answer("/")
        assert (status, '"bytes": 25' in text) == (200, True)
        assert await answer("/?sleep=30") == (504, "request timeout")
