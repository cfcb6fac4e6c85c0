"""Requests through a real Envoy: warm, held, released, refused."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import time
from collections import Counter

import aiohttp
import pytest

from wakeful.gateway import Endpoint, GatePlace, IngressKey, Plan, RevisionKey, Split
from wakeful.testing.gateway import (
    App,
    revision,
    running_app,
    running_gateway,
    simple_plan,
    table,
)
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"


PROBE = {"K-Network-Probe": "probe", "K-Network-Hash": "override"}
OURS = ("knative-serving-", "x-envoy-", "x-wakeful-", "k-network-")


def seen_of_the_platform(app: App) -> set[str]:
    """Headers that programs must not see, of all requests that came to one."""
    return {name for seen in app.headers for name in map(str.lower, seen) if name.startswith(OURS)}


async def test_warm_requests_pass_and_unknown_hosts_get_404() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        warm = await rig.get(HOST, "/a?b=c")
        with_port = await rig.get(f"{HOST.upper()}:8080")
        unknown = await rig.get("nobody.default.localhost")

        assert warm.status == 200
        assert (await warm.json())["path"] == "/a"
        assert with_port.status == 200
        assert unknown.status == 404
        assert rig.poke.calls == []


async def test_local_hosts_are_served_by_the_internal_listener_only() -> None:
    local = "hello.default.svc.cluster.local"
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        assert (await rig.get(local, internal=True)).status == 200
        assert (await rig.get(local)).status == 404
        assert (await rig.get(HOST, internal=True)).status == 404


async def test_wildcards_cover_hosts_that_have_no_routes_of_their_own() -> None:
    wide, near, exact = "*.example.com", "*.eu.example.com", "shop.eu.example.com"
    backends = [revision(name) for name in ("wide", "near", "exact")]
    tables = [
        table(backend.key.name, Split(backend.key), hosts=(host,))
        for backend, host in zip(backends, (wide, near, exact), strict=True)
    ]
    plan = Plan({t.key: t for t in tables}, {b.key: b for b in backends})
    async with contextlib.AsyncExitStack() as stack:
        rig = await stack.enter_async_context(running_gateway(simple_plan(revision("hello"))))
        await rig.gateway.publish(plan)
        for backend in backends:
            app = await stack.enter_async_context(running_app(backend.key.name))
            await rig.gateway.set_endpoints(backend.key, [app.endpoint])

        for host, served in (
            ("a.example.com", "wide"),
            ("A.b.Example.com:80", "wide"),
            ("a.eu.example.com", "near"),
            ("Shop.eu.example.com", "exact"),
            ("shop.eu.example.com", "exact"),
        ):
            answer = await (await rig.get(host)).json()
            assert (answer["app"], answer["host"]) == (served, host.partition(":")[0])

        assert (await rig.get("example.com")).status == 404
        assert (await rig.get("a.example.com", internal=True)).status == 404


async def test_request_to_a_sleeping_revision_is_held_and_goes_when_an_instance_is_ready() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        request = asyncio.create_task(rig.get(HOST, data=io.BytesIO(b"x" * 3_000_000)))
        await rig.poke.first.wait()
        assert rig.held(HELLO) == 1

        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        answer = await request

        assert answer.status == 200
        assert (await answer.json())["bytes"] == 3_000_000
        assert set(rig.poke.calls) == {HELLO}


async def test_burst_at_zero_is_answered_whole_with_one_poke() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        rig.start_on_poke(app)

        answers = await asyncio.gather(*(rig.get(HOST) for _ in range(200)))

        assert Counter(answer.status for answer in answers) == {200: 200}
        assert set(rig.poke.calls) == {HELLO}
        assert len(rig.poke.calls) < 20  # it is asked again every second, not by each request


async def test_traffic_is_split_by_weight_() -> None:
    blue, green = revision("blue"), revision("green")
    split = table("shop", Split(blue.key, 80), Split(green.key, 20))
    plan = Plan({split.key: split}, {blue.key: blue, green.key: green})
    async with (
        running_app("blue") as one,
        running_app("green") as two,
        running_gateway(plan) as rig,
    ):
        await rig.gateway.set_endpoints(blue.key, [one.endpoint])
        await rig.gateway.set_endpoints(green.key, [two.endpoint])

        answers = [await rig.get("shop.default.localhost") for _ in range(400)]

        served = Counter([(await answer.json())["app"] for answer in answers])
        assert 280 <= served["blue"] <= 360
        assert served["blue"] + served["green"] == 400
        assert not seen_of_the_platform(one) | seen_of_the_platform(two)


async def test_held_revision_of_a_split_does_not_hold_the_others() -> None:
    blue, green = revision("blue"), revision("green")
    split = table("shop", Split(blue.key, 50), Split(green.key, 50))
    plan = Plan({split.key: split}, {blue.key: blue, green.key: green})
    async with running_app("blue") as one, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(blue.key, [one.endpoint])

        tasks = [asyncio.create_task(rig.get("shop.default.localhost")) for _ in range(40)]
        await rig.poke.first.wait()
        await eventually(lambda: one.served + rig.held(green.key) == 40)
        await rig.gateway.set_endpoints(green.key, [one.endpoint])

        assert {answer.status for answer in await asyncio.gather(*tasks)} == {200}
        assert set(rig.poke.calls) == {green.key}


async def test_websocket_passes_the_gate_and_stays_open() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        rig.start_on_poke(app)

        async with rig.http.ws_connect(rig.url, headers={"Host": HOST}) as socket:
            await socket.send_str("ping")
            assert (await socket.receive_str()) == "one:ping"

            def is_one_request() -> bool:
                """It may have come back to the gate once, which hears of its end a moment later."""
                counts = rig.gateway.gate.counts(HELLO)
                return counts is not None and counts.running == 1

            await eventually(is_one_request)


async def test_probe_answers_with_what_is_served_and_wakes_nobody() -> None:
    plan = simple_plan(revision("hello"))
    served = dataclasses.replace(plan.tables[IngressKey("default", "hello")], probe_hash="f00")
    async with running_gateway(dataclasses.replace(plan, tables={served.key: served})) as rig:
        answer = await rig.get(HOST, headers=PROBE)

        assert answer.status == 200
        assert answer.headers["K-Network-Hash"] == "f00"
        assert answer.headers["X-Wakeful-Version"] == served.version
        assert rig.poke.calls == []


async def test_probe_that_brings_a_hash_gets_it_back() -> None:
    """It asks whether the way leads here, not what is served; nobody's host is no way."""
    known = PROBE | {"K-Network-Hash": "2701a1b2"}
    async with running_gateway(simple_plan(revision("hello"))) as rig:
        answer = await rig.get(HOST, headers=known)

        assert (answer.status, answer.headers["K-Network-Hash"]) == (200, "2701a1b2")
        assert "X-Wakeful-Version" not in answer.headers
        assert (await rig.get("nobody.localhost", headers=known)).status == 404
        assert rig.poke.calls == []


async def test_probes_of_other_kinds_never_reach_a_program() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        async def ask(probe: str, host: str = HOST) -> tuple[int, str]:
            answer = await rig.get(host, headers={"K-Network-Probe": probe})
            return answer.status, await answer.text()

        assert await ask("probe") == (
            400,
            'a probe request must contain a non-empty "K-Network-Hash" header',
        )
        assert await ask("queue") == (400, 'unexpected probe header value: "queue"')
        assert await ask("activator") == (200, "activator")
        assert (await rig.get("nobody.localhost", headers=PROBE)).status == 404
        assert app.served == 0
        assert (await ask(""))[0] == 200
        assert app.served == 1


async def test_hold_ends_with_504_at_the_revisions_timeout() -> None:
    plan = simple_plan(revision("hello", timeout_seconds=0.5))
    async with running_gateway(plan) as rig:
        began = time.monotonic()
        answer = await rig.get(HOST)

        assert answer.status == 504
        assert await answer.text() == "activator request timeout"
        assert time.monotonic() - began > 0.4


async def test_slow_app_gets_504_after_its_timeout() -> None:
    plan = simple_plan(revision("hello", timeout_seconds=0.3))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        answer = await rig.get(HOST, "/?sleep=5")

        assert answer.status == 504
        assert await answer.text() == "request timeout"


async def test_failed_start_is_told_to_everyone_held() -> None:
    async with running_gateway(simple_plan(revision("hello"))) as rig:
        rig.poke.then = lambda key: rig.gateway.gate.fail(key, "Container failed with: boom")

        answer = await rig.get(HOST)

        assert answer.status == 503
        assert await answer.text() == "Container failed with: boom"


async def test_client_that_gives_up_frees_its_place() -> None:
    async with running_gateway(simple_plan(revision("hello"))) as rig:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await rig.get(HOST)

        await eventually(lambda: not rig.held(HELLO))


async def test_dead_instance_that_is_still_listed_costs_no_request() -> None:
    async with (
        running_app("gone") as gone,
        running_app("one") as app,
        running_gateway(simple_plan(revision("hello"))) as rig,
    ):
        dead = Endpoint("127.0.0.1", 1)
        assert gone.port != 1
        await rig.gateway.set_endpoints(HELLO, [dead, app.endpoint])

        answers = [await rig.get(HOST) for _ in range(100)]

        assert Counter(answer.status for answer in answers) == {200: 100}


async def test_unreachable_only_instance_is_tried_again_until_it_changes() -> None:
    """An instance died without anybody noticing yet: requests wait for its successor."""
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        await rig.gateway.set_endpoints(HELLO, [Endpoint("127.0.0.1", 1)])

        requests = [asyncio.create_task(rig.get(HOST)) for _ in range(5)]

        async def refusals() -> int:
            page = await rig.admin.get_json("/clusters?format=json")
            hosts = [h for c in page["cluster_statuses"] for h in c.get("host_statuses", ())]
            stats = [stat for host in hosts for stat in host.get("stats", ())]
            return sum(int(s.get("value", 0)) for s in stats if s["name"] == "cx_connect_fail")

        async def is_refused_again_and_again() -> bool:
            return await refusals() > 20

        await eventually(is_refused_again_and_again)
        assert not any(request.done() for request in requests)
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        assert {answer.status for answer in await asyncio.gather(*requests)} == {200}


async def test_many_at_once_find_their_way_into_a_program_with_a_short_line() -> None:
    """Python's own servers let five wait; the kernel says nothing to those beyond."""
    plan = simple_plan(revision("hello"))
    async with running_app("one", backlog=1) as app, running_gateway(plan) as rig:
        tasks = [asyncio.create_task(rig.get(HOST)) for _ in range(200)]
        await eventually(lambda: rig.held(HELLO) == 200)
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        time.sleep(0.2)  # noqa: ASYNC251 - the program takes nobody in for a while

        answers = await asyncio.gather(*tasks)

        assert Counter(answer.status for answer in answers) == {200: 200}


async def test_concurrency_limit_is_exact_over_instances() -> None:
    plan = simple_plan(revision("hello", container_concurrency=1))
    async with (
        running_app("one", delay=0.02) as one,
        running_app("two", delay=0.02) as two,
        running_gateway(plan, concurrency=2) as rig,
    ):
        tasks = [asyncio.create_task(rig.get(HOST)) for _ in range(20)]
        await rig.poke.first.wait()
        await rig.gateway.set_endpoints(HELLO, [one.endpoint])
        await eventually(lambda: one.served >= 5)
        await rig.gateway.set_endpoints(HELLO, [one.endpoint, two.endpoint])
        tasks += [asyncio.create_task(rig.get(HOST)) for _ in range(60)]
        answers = await asyncio.gather(*tasks)

        assert Counter(answer.status for answer in answers) == {200: 80}
        assert (one.most, two.most) == (1, 1)
        assert two.served >= 20

        def slots_are_back() -> bool:
            """The client has its answer a moment before Envoy says that it ended."""
            counts = rig.gateway.gate.counts(HELLO)
            return counts is not None and (counts.held, counts.running) == (0, 0)

        await eventually(slots_are_back)


async def test_load_counts_requests_at_instances_and_at_the_gate() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        load = rig.gateway.load
        held = asyncio.create_task(rig.get(HOST, "/?hold"))
        await rig.poke.first.wait()
        load.collect()
        await asyncio.sleep(0.1)
        while_held = load.collect()
        assert while_held is not None
        assert next(iter(while_held.values())).concurrency == pytest.approx(1, abs=0.05)

        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        await load.next_report()
        load.collect()
        for _ in range(4):
            await load.next_report()
        running = load.collect()
        app.let_go.set()
        await held
        for _ in range(2):
            await load.next_report()
        after = load.collect()

        assert running is not None
        assert after is not None
        assert next(iter(running.values())).concurrency == pytest.approx(1, abs=0.4)
        assert sum(sample.requests for sample in (*running.values(), *after.values())) <= 1


async def test_draining_instance_gets_nothing_new_and_is_waited_for() -> None:
    async with (
        running_app("old") as old,
        running_app("new") as new,
        running_gateway(simple_plan(revision("hello"))) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [old.endpoint])
        slow = asyncio.create_task(rig.get(HOST, "/?hold"))
        await eventually(lambda: old.running)

        leaving = Endpoint(old.endpoint.address, old.endpoint.port, draining=True)
        await rig.gateway.set_endpoints(HELLO, [leaving, new.endpoint])
        # Envoy's threads may go by the former endpoints for a moment.
        while (await (await rig.get(HOST)).json())["app"] != "new":
            pass
        fresh = [await rig.get(HOST) for _ in range(20)]
        assert not await rig.gateway.drained(HELLO, leaving, timeout=0.3)
        old.let_go.set()
        assert await rig.gateway.drained(HELLO, leaving, timeout=30)

        assert (await slow).status == 200
        assert {(await answer.json())["app"] for answer in fresh} == {"new"}


async def test_http_10_and_head_are_fine() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.ports["public"])
        writer.write(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()

        async with rig.http.head(rig.url, headers={"Host": HOST}) as head:
            assert head.status == 200
        assert b" 200 " in line


async def test_client_cannot_choose_a_revision_or_confuse_the_gate() -> None:
    plan = simple_plan(revision("hello"), revision("other"))
    async with running_app("one") as app, running_gateway(plan) as rig:
        rig.start_on_poke(app)

        answer = await rig.get(
            HOST,
            headers={
                "Knative-Serving-Revision": "other",
                "Knative-Serving-Namespace": "elsewhere",
                "K-Proxy-Request": "activator;again=7",
                "x-wakeful-cluster": "default/other",
            },
        )

        assert answer.status == 200
        assert set(rig.poke.calls) == {HELLO}
        assert not seen_of_the_platform(app)


SPOOFED = {
    "Knative-Serving-Revision": "other",
    "Knative-Serving-Namespace": "elsewhere",
    "K-Network-Hash": "abc",
}


@pytest.mark.parametrize("limit", [0, 1])
async def test_program_sees_no_headers_of_the_platform(limit: int) -> None:
    """Neither held nor warm, neither ours nor what a client sent under their names."""
    plan = simple_plan(revision("hello", container_concurrency=limit))
    async with running_app("one") as app, running_gateway(plan) as rig:
        rig.start_on_poke(app)

        async def through_the_gate(headers: dict[str, str]) -> bool:
            assert (await rig.get(HOST, headers=headers)).status == 200
            return "k-proxy-request" in map(str.lower, app.headers[-1])

        assert await through_the_gate({})
        if not limit:  # Envoy hears of the instance at about the time of the first answer
            while await through_the_gate({}):
                pass
        for headers in (SPOOFED, {}, SPOOFED):
            assert await through_the_gate(headers) == bool(limit)

        assert not seen_of_the_platform(app)


async def test_app_is_told_who_asked_unless_it_was_told_before() -> None:
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        await rig.get(HOST)
        await rig.get(HOST, headers={"Forwarded": "for=192.0.2.9"})

        told = [
            value
            for headers in app.headers
            for name, value in headers.items()
            if name.lower() == "forwarded"
        ]
        assert told == ["for=127.0.0.1;proto=http", "for=192.0.2.9"]


@pytest.mark.parametrize("held", [False, True])
async def test_app_is_told_the_callers_address_behind_those_before_it(held: bool) -> None:
    """A caller of this machine has the address that it has, and is told of once."""
    limit = 1 if held else 0
    plan = simple_plan(revision("hello", container_concurrency=limit))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        await rig.get(HOST)
        await rig.get(HOST, headers={"X-Forwarded-For": "192.0.2.9"})

        told = [headers["X-Forwarded-For"] for headers in app.headers]
        assert told == ["127.0.0.1", "192.0.2.9,127.0.0.1"]


@pytest.mark.parametrize("limit", [0, 1])
async def test_informational_responses_end_at_the_gateway_which_answers_expect(limit: int) -> None:
    """The program is not asked whether it wants the body; its early hints go no further."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        seen.append(await reader.readexactly(5))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    plan = simple_plan(revision("hello", container_concurrency=limit))
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, running_gateway(plan) as rig:
        port = server.sockets[0].getsockname()[1]
        await rig.gateway.set_endpoints(HELLO, [Endpoint("127.0.0.1", port)])
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.ports["public"])
        head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n"
        writer.write(f"{head}Connection: close\r\nExpect: 100-continue\r\n\r\n".encode())
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hello")
        then = await reader.read()
        writer.close()

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert then.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"expect" not in seen[0].lower()
    assert seen[1] == b"hello"


async def test_two_gateways_do_not_disturb_each_other() -> None:
    plan = simple_plan(revision("hello"))
    async with (
        running_app("one") as app,
        running_gateway(plan) as first,
        running_gateway(plan) as second,
    ):
        await first.gateway.set_endpoints(HELLO, [app.endpoint])

        assert (await first.get(HOST)).status == 200
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            async with asyncio.timeout(0.2):
                await second.get(HOST)


async def test_a_request_that_asks_is_told_what_it_waited_for() -> None:
    phases = "decision;dur=3, spawn;dur=12.5"
    asks = {"x-wakeful-timing": "cold-start"}
    async with running_app("one") as app, running_gateway(simple_plan(revision("hello"))) as rig:
        rig.gateway.connect_timing(lambda namespace, name: f"{phases}, {namespace};dur=1")
        told = asyncio.create_task(rig.get(HOST, headers=asks))
        silent = asyncio.create_task(rig.get(HOST))
        await eventually(lambda: rig.held(HELLO) == 2)
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])

        assert (await told).headers["server-timing"] == f"{phases}, default;dur=1"
        assert "server-timing" not in (await silent).headers
        assert "server-timing" not in (await rig.get(HOST, headers=asks)).headers


async def test_held_request_goes_to_an_instance_that_envoy_is_yet_to_choose() -> None:
    plan = simple_plan(revision("hello", gate=GatePlace.OUT))
    async with running_app("one") as app, running_gateway(plan) as rig:
        booting = dataclasses.replace(app.endpoint, draining=True)
        unknown = dataclasses.replace(app.endpoint, port=1)
        held = asyncio.create_task(rig.get(HOST))
        await eventually(lambda: rig.held(HELLO) == 1)
        assert not rig.gateway.let_go(HELLO, app.endpoint)
        await rig.gateway.set_endpoints(HELLO, [booting])
        assert not rig.gateway.let_go(HELLO, unknown)
        assert (rig.held(HELLO), app.served) == (1, 0)

        assert rig.gateway.let_go(HELLO, app.endpoint)

        assert (await held).status == 200
        assert (await rig.get(HOST)).status == 200
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        assert (await rig.get(HOST)).status == 200
        assert app.served == 3
