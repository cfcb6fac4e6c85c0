"""Requests measured by a real Envoy."""

from __future__ import annotations

from dataclasses import replace

import aiohttp

from wakeful.gateway import RevisionKey
from wakeful.gateway.figures import read_request_metrics
from wakeful.telemetry.metrics import Distribution
from wakeful.testing.gateway import revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"
PROBE = {"K-Network-Probe": "probe", "K-Network-Hash": "override"}


async def test_requests_are_measured_by_revision_and_status() -> None:
    plan = simple_plan(revision("hello", service="shop"))
    async with (
        running_app("one") as app,
        running_gateway(replace(plan, request_stats=True)) as rig,
    ):
        rig.start_on_poke(app)
        for _ in range(4):
            await rig.get(HOST)
        await rig.get(HOST, "/?status=418&sleep=0.06")
        await rig.get(HOST, headers=PROBE)
        socket = {"Host": HOST}
        async with rig.http.ws_connect(rig.url, headers=socket, autoping=False) as connection:
            await connection.send_str("x")
            assert (await connection.receive()).type is aiohttp.WSMsgType.TEXT

        async def measured() -> dict[str, Distribution]:
            _, by_code = await read_request_metrics(rig.admin)
            assert all(p.attributes["kn.service.name"] == "shop" for p in by_code.points)
            found = {p.attributes["http.response.status_code"]: p.value for p in by_code.points}
            return {code: one for code, one in found.items() if isinstance(one, Distribution)}

        async def all_of_them() -> dict[str, Distribution] | None:
            found = await measured()  # Envoy sums up every five seconds
            counts = {code: one.count for code, one in found.items()}
            return found if counts == {"200": 4, "418": 1, "101": 1} else None

        found = await eventually(all_of_them, every=0.2)
    assert found["418"].bounds[:4] == (0.005, 0.01, 0.025, 0.05)
    assert found["418"].total >= 0.05


async def test_nobody_measures_while_nobody_wants_it() -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        await rig.get(HOST)
        assert "requests." not in await rig.admin.get_text("/stats?filter=requests%5C.")
        assert [metric.points for metric in await read_request_metrics(rig.admin)] == [[], []]
