"""The control plane comes and goes, Envoy is drained, configuration is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

import aiohttp
import pytest

from wakeful.gateway import (
    Gateway,
    HostRule,
    IngressKey,
    NackError,
    Plan,
    RevisionKey,
    Route,
    RouteTable,
    Split,
    wait_ready,
)
from wakeful.gateway.envoy import EnvoyAdmin
from wakeful.gateway.xds.server import AdsServer
from wakeful.testing.gateway import (
    RecordingPoke,
    Rig,
    revision,
    running_app,
    running_envoy,
    running_gateway,
    simple_plan,
    temporary_settings,
)
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"


def held(gateway: Gateway) -> int:
    """How many requests wait at its gate."""
    counts = gateway.gate.counts(HELLO)
    return counts.held if counts is not None else 0


async def test_warm_requests_do_not_notice_a_control_plane_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app:
        with temporary_settings() as settings:
            async with running_envoy(settings), aiohttp.ClientSession() as http:
                answers: Counter[int | str] = Counter()
                stop = asyncio.Event()
                first = Gateway(settings, RecordingPoke())
                async with first.serving():
                    await first.publish(plan)
                    rig = Rig(settings, RecordingPoke(), first, http, await wait_ready(settings))
                    await first.set_endpoints(HELLO, [app.endpoint])

                    async def load() -> None:
                        while not stop.is_set():
                            try:
                                answers[(await rig.get(HOST)).status] += 1
                            except aiohttp.ClientError as error:
                                answers[repr(error)] += 1

                    loaders = [asyncio.create_task(load()) for _ in range(4)]
                    await eventually(lambda: answers[200] > 50)
                down_from = answers[200]
                await eventually(lambda: answers[200] > down_from + 200)

                second = Gateway(settings, RecordingPoke())
                second.adopted = True
                is_back = asyncio.Event()
                serve = AdsServer._serve

                async def noting(self: AdsServer, requests: Any, context: Any) -> None:
                    is_back.set()
                    await serve(self, requests, context)

                monkeypatch.setattr(AdsServer, "_serve", noting)
                async with second.serving():
                    # Envoy is back before we know anything: it must not be told so.
                    await is_back.wait()
                    connected_from = answers[200]
                    await eventually(lambda: answers[200] > connected_from + 200)
                    second.preset_endpoints(HELLO, [app.endpoint])
                    await second.publish(plan)
                    await second.settled()
                    back_from = answers[200]
                    await eventually(lambda: answers[200] > back_from + 100)
                    stop.set()
                    await asyncio.gather(*loaders)

                assert set(answers) == {200}


@pytest.mark.parametrize("limit", [0, 1])
async def test_held_requests_wait_for_the_next_control_plane(limit: int) -> None:
    plan = simple_plan(revision("hello", container_concurrency=limit))
    async with running_app("one", delay=0.05) as app:
        with temporary_settings() as settings:
            async with running_envoy(settings), aiohttp.ClientSession() as http:
                first = Gateway(settings, RecordingPoke())
                async with first.serving():
                    await first.publish(plan)
                    rig = Rig(settings, RecordingPoke(), first, http, await wait_ready(settings))
                    requests = [asyncio.create_task(rig.get(HOST)) for _ in range(5)]
                    await eventually(lambda: rig.held(HELLO) == 5)

                poke = RecordingPoke()
                second = Gateway(settings, poke)
                second.adopted = True
                async with second.serving():
                    await second.publish(plan)
                    await poke.first.wait()
                    await second.set_endpoints(HELLO, [app.endpoint])
                    answers = await asyncio.gather(*requests)

                assert {answer.status for answer in answers} == {200}
                assert limit == 0 or app.most == 1


async def test_slots_taken_before_a_restart_are_respected_after_it() -> None:
    """One request runs at an instance with limit 1 while the control plane is replaced."""
    plan = simple_plan(revision("hello", container_concurrency=1))
    async with running_app("one") as app:
        with temporary_settings() as settings:
            async with running_envoy(settings), aiohttp.ClientSession() as http:
                first = Gateway(settings, RecordingPoke())
                async with first.serving():
                    await first.publish(plan)
                    rig = Rig(settings, RecordingPoke(), first, http, await wait_ready(settings))
                    await first.set_endpoints(HELLO, [app.endpoint])
                    running = asyncio.create_task(rig.get(HOST, "/?hold"))
                    await eventually(lambda: app.running == 1)

                second = Gateway(settings, RecordingPoke())
                second.adopted = True
                async with second.serving():
                    second.preset_endpoints(HELLO, [app.endpoint])
                    await second.publish(plan)
                    late = asyncio.create_task(rig.get(HOST))
                    await eventually(lambda: held(second))
                    app.let_go.set()
                    answers = await asyncio.gather(running, late)

                assert [answer.status for answer in answers] == [200, 200]
                assert app.most == 1


async def test_envoy_that_is_killed_is_configured_anew() -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app:
        with temporary_settings() as settings:
            gateway = Gateway(settings, RecordingPoke())
            async with gateway.serving(), aiohttp.ClientSession() as http:
                await gateway.publish(plan)
                for _ in range(2):
                    async with running_envoy(settings):
                        ports = await wait_ready(settings)
                        rig = Rig(settings, RecordingPoke(), gateway, http, ports)
                        await gateway.set_endpoints(HELLO, [app.endpoint])
                        assert (await rig.get(HOST)).status == 200


async def test_drain_lets_requests_end_and_then_ends_envoy() -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app:
        with temporary_settings(drain_seconds=1) as settings:
            gateway = Gateway(settings, RecordingPoke())
            async with (
                gateway.serving(),
                running_envoy(settings) as envoy,
                aiohttp.ClientSession() as http,
            ):
                await gateway.publish(plan)
                rig = Rig(settings, RecordingPoke(), gateway, http, await wait_ready(settings))
                await gateway.set_endpoints(HELLO, [app.endpoint])
                slow = asyncio.create_task(rig.get(HOST, "/?sleep=0.5"))
                await eventually(lambda: app.running == 1)

                assert await rig.admin.drain(timeout=60)

                assert (await slow).status == 200
                async with asyncio.timeout(60):
                    assert await envoy.wait() == 0


async def ask_until_refused(port: int) -> tuple[int, int]:
    """A client that keeps its connection and asks without end: its answers, and cut requests."""
    answers = cut = 0
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return answers, cut
        with contextlib.closing(writer):
            open_ = True
            while open_:
                try:
                    writer.write(f"GET /?sleep=0.05 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(length))
                except (ConnectionError, asyncio.IncompleteReadError):
                    cut += 1
                    break
                answers += b" 200 " in head
                open_ = b"connection: close" not in head


async def test_drain_under_load_answers_what_was_taken_and_refuses_the_rest() -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app:
        with temporary_settings() as settings:
            gateway = Gateway(settings, RecordingPoke())
            async with gateway.serving(), running_envoy(settings) as envoy:
                await gateway.publish(plan)
                ports = await wait_ready(settings)
                await gateway.set_endpoints(HELLO, [app.endpoint])
                clients = [
                    asyncio.create_task(ask_until_refused(ports["public"])) for _ in range(10)
                ]
                await eventually(lambda: app.served > 50)

                assert await EnvoyAdmin(settings.paths.admin_socket).drain(timeout=60)

                counts = await asyncio.gather(*clients)
                assert sum(cut for _, cut in counts) == 0
                async with asyncio.timeout(60):
                    assert await envoy.wait() == 0


def _bad_table(key: IngressKey) -> RouteTable:
    split = Split(HELLO, append_headers=(("bad\r\nname", "v"),))
    return RouteTable.of(key, (HostRule(("bad.localhost",), (Route((split,)),)),))


async def test_refused_plan_is_raised_and_the_old_one_stays_in_force() -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        bad = _bad_table(IngressKey("default", "bad"))

        with pytest.raises(NackError, match=r"scope .public/bad.localhost.: Proto constraint"):
            await rig.gateway.publish(Plan({**plan.tables, bad.key: bad}, plan.revisions))

        assert (await rig.get(HOST)).status == 200
        good = simple_plan(revision("hello"), revision("other"))
        await rig.gateway.publish(good)
        answer = await rig.get(
            "other.default.localhost",
            headers={"K-Network-Probe": "probe", "K-Network-Hash": "override"},
        )
        assert answer.status == 200


async def test_burst_on_many_sleeping_revisions_wakes_each_once() -> None:
    names = [f"svc-{number}" for number in range(100)]
    plan = simple_plan(*(revision(name) for name in names))
    async with running_app("one") as app, running_gateway(plan) as rig:
        rig.start_on_poke(app)

        answers = await asyncio.gather(*(rig.get(f"{name}.default.localhost") for name in names))

        assert {answer.status for answer in answers} == {200}
        assert len(set(rig.poke.calls)) == 100
