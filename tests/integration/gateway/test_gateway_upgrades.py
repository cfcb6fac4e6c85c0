"""Instances that leave under WebSockets: their programs are told as soon as no request is left."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from wakeful.gateway import GatePlace, RevisionBackend
from wakeful.testing.gateway import App, Rig, revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HOST = "hello.default.localhost"
DIRECT = revision("hello")
GATED = revision("hello", gate=GatePlace.IN_PATH)
LIMITED = revision("hello", container_concurrency=5)
HELLO = DIRECT.key


async def _leave(rig: Rig, app: App) -> None:
    leaving = dataclasses.replace(app.endpoint, draining=True)
    await rig.gateway.set_endpoints(HELLO, [leaving])


@pytest.mark.parametrize("backend", [DIRECT, GATED, LIMITED], ids=["direct", "gated", "limited"])
async def test_an_open_websocket_does_not_keep_an_instance(backend: RevisionBackend) -> None:
    """It goes on, also when the instance is no longer listed; a request is waited for."""
    async with running_app("one") as app, running_gateway(simple_plan(backend)) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        async with (
            rig.http.ws_connect(rig.url, headers={"Host": HOST}) as socket,
            rig.http.ws_connect(rig.url, headers={"Host": HOST}) as other,
        ):
            slow = asyncio.ensure_future(rig.get(HOST, "/?hold=1"))
            await eventually(lambda: app.running == 3)
            await _leave(rig, app)

            assert not await rig.gateway.drained(HELLO, app.endpoint, timeout=0.5)
            await other.close()
            assert not await rig.gateway.drained(HELLO, app.endpoint, timeout=0.5)
            app.let_go.set()
            assert await rig.gateway.drained(HELLO, app.endpoint, timeout=30)

            await rig.gateway.set_endpoints(HELLO, [])
            await socket.send_str("still here")
            assert await socket.receive_str() == "one:still here"
            assert (await slow).status == 200


async def test_a_websocket_begun_at_zero_is_known_too() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(DIRECT)) as rig:
        rig.start_on_poke(app)
        async with rig.http.ws_connect(rig.url, headers={"Host": HOST}) as socket:
            await _leave(rig, app)

            assert await rig.gateway.drained(HELLO, app.endpoint, timeout=30)
            await socket.send_str("ping")
            assert await socket.receive_str() == "one:ping"


async def test_what_has_ended_is_forgotten() -> None:
    """The next request there is no upgraded connection."""
    async with running_app("one") as app, running_gateway(simple_plan(DIRECT)) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        async with rig.http.ws_connect(rig.url, headers={"Host": HOST}):
            await eventually(lambda: rig.gateway.upgrades.at(HELLO, app.endpoint) == 1)

        await eventually(lambda: rig.gateway.upgrades.at(HELLO, app.endpoint) == 0)


async def test_a_refused_upgrade_is_a_request() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(DIRECT)) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        headers = {"Connection": "upgrade", "Upgrade": "websocket"}  # without a key: 400

        answer = await rig.get(HOST, headers=headers)

        assert answer.status == 400
        assert rig.gateway.upgrades.at(HELLO, app.endpoint) == 0
