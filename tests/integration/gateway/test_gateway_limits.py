"""How long a connection that was upgraded may stay."""

from __future__ import annotations

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
