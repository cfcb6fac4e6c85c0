"""Spans of requests, made by a real Envoy and sent to real receivers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from wakeful.apis.serving.config import parse_observability, parse_zipkin
from wakeful.gateway import Plan, RevisionKey
from wakeful.gateway.planner.footprints import effective_tracing, plan_tracing
from wakeful.testing.collectors import SpanCollector, grpc_collector, http_collector, path_of
from wakeful.testing.gateway import Rig, revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"
CLOSE = {"Connection": "close"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
PLAN = simple_plan(revision("hello", service="shop", configuration="conf"))


def traced(plan: Plan, protocol: str, endpoint: str = "", rate: str = "1") -> Plan:
    data = {"tracing-protocol": protocol, "tracing-sampling-rate": rate}
    if endpoint:
        data["tracing-endpoint"] = endpoint
    return replace(plan, tracing=plan_tracing(parse_observability(data).tracing, {}))


def by_zipkin(plan: Plan, endpoint: str, **more: str) -> Plan:
    data = {"backend": "zipkin", "zipkin-endpoint": f"{endpoint}/api/v2/spans", **more}
    config = effective_tracing(parse_observability({}), parse_zipkin(data))
    return replace(plan, tracing=plan_tracing(config, {}))


def parent(sampled: bool, trace: str = TRACE) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{PARENT}-0{int(sampled)}", "tracestate": "a=b"}


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextlib.asynccontextmanager
async def collecting(protocol: str) -> AsyncIterator[SpanCollector]:
    async with grpc_collector() if protocol == "grpc" else http_collector() as found:
        yield found


async def until_traced(rig: Rig, found: SpanCollector, path: str) -> None:
    """Envoy's threads take over what is in force a moment after it was accepted."""

    async def is_traced() -> bool:
        await rig.get(HOST, path, headers=CLOSE)
        return bool(found.of(path) or found.zipkin_of(path))

    await eventually(is_traced, every=0.05)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_span_names_revision_and_is_the_programs_parent(protocol: str) -> None:
    async with (
        collecting(protocol) as found,
        running_app("one") as app,
        running_gateway(traced(PLAN, protocol, found.endpoint)) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        await rig.get(HOST, "/shelf?book=1", headers=parent(True) | {"baggage": "x=y"})
        (span,) = await eventually(lambda: found.of("/shelf"))

    assert (span.name, span.kind, span.service) == ("GET", "server", "wakeful-gateway")
    assert (span.trace_id, span.parent_id) == (TRACE, PARENT)
    expected = {
        "kn.service.name": "shop",
        "kn.configuration.name": "conf",
        "kn.revision.name": "hello",
        "k8s.namespace.name": "default",
        "http.method": "GET",
        "http.status_code": "200",
    }
    assert expected.items() <= span.attributes.items()
    headers = lower(app.headers[-1])
    assert headers["traceparent"] == f"00-{TRACE}-{span.span_id}-01"
    assert (headers["tracestate"], headers["baggage"]) == ("a=b", "x=y")
    assert "x-request-id" not in headers
    if protocol != "grpc":
        assert set(found.paths) == {"/v1/traces"}


async def test_what_waited_at_the_gate_shows_for_how_long() -> None:
    async with (
        grpc_collector() as found,
        running_app("one") as app,
        running_gateway(traced(PLAN, "grpc", found.endpoint)) as rig,
    ):
        asking = asyncio.ensure_future(rig.get(HOST, "/cold"))
        await eventually(lambda: rig.held(HELLO))
        await asyncio.sleep(0.2)  # what is to be seen as a wait
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        await asking
        await eventually(lambda: len(found.of("/cold")) >= 3)
        await rig.get(HOST, "/warm", headers=CLOSE)
        warm = await eventually(lambda: found.of("/warm"))

    spans = {span.name: span for span in found.of("/cold")}
    entrance, gate, proxied = spans["GET"], spans["activator"], spans["activator_proxy"]
    assert gate.parent_id == entrance.span_id
    assert proxied.parent_id == gate.span_id
    assert (proxied.started_at - gate.started_at).total_seconds() >= 0.2
    assert proxied.attributes["kn.revision.name"] == "hello"
    assert app.headers[0]["traceparent"] == f"00-{entrance.trace_id}-{proxied.span_id}-01"
    assert len(warm) == 1


async def test_client_decides_and_otherwise_chance() -> None:
    asked = 60
    async with (
        grpc_collector() as found,
        running_app("one") as app,
        running_gateway(traced(PLAN, "grpc", found.endpoint, "0.5")) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        for number in range(asked):
            await rig.get(HOST, f"/chance-{number}")
            await rig.get(HOST, f"/yes-{number}", headers=parent(True, f"{number + 1:032x}"))
            await rig.get(HOST, f"/no-{number}", headers=parent(False, f"{number + 99:032x}"))
        await eventually(lambda: found.of(f"/yes-{asked - 1}"))
        paths = [path_of(span.attributes) for span in found.spans]
        # 60 throws of a coin are outside these bounds once in 10^12.
        assert 3 < sum(path.startswith("/chance") for path in paths) < asked - 3
        assert sum(path.startswith("/yes") for path in paths) == asked
        assert not [path for path in paths if path.startswith("/no-")]
        assert app.headers[-1]["traceparent"].endswith("-00")


async def test_tracing_begins_moves_and_ends_while_requests_run() -> None:
    answers: list[int] = []

    async def ask_on(rig: Rig, stop: asyncio.Event) -> None:
        while not stop.is_set():
            answers.append((await rig.get(HOST, "/load")).status)
            await asyncio.sleep(0.002)

    async with (
        grpc_collector() as first,
        http_collector() as second,
        running_app("one") as app,
        running_gateway(PLAN) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        stop = asyncio.Event()
        load = asyncio.ensure_future(ask_on(rig, stop))
        await rig.gateway.publish(traced(PLAN, "grpc", first.endpoint))
        await until_traced(rig, first, "/on")
        named = second.endpoint.replace("127.0.0.1", "localhost")
        await rig.gateway.publish(traced(PLAN, "http/protobuf", named))
        await until_traced(rig, second, "/moved")
        await rig.gateway.publish(PLAN)

        stop.set()
        await load

        async def is_off() -> bool:
            await rig.get(HOST, "/off", headers=CLOSE)
            return "traceparent" not in app.headers[-1]

        await eventually(is_off, every=0.05)
        await rig.get(HOST, "/kept", headers=CLOSE | parent(True))

        assert app.headers[-1]["traceparent"] == parent(True)["traceparent"]
        assert set(answers) == {200}
        clusters = await rig.admin.get_json("/config_dump?resource=dynamic_active_clusters")
        assert "trace-collector" not in json.dumps(clusters)
        listeners = await rig.admin.get_json("/config_dump?resource=dynamic_listeners")
        assert "tracing" not in json.dumps([one["active_state"] for one in listeners["configs"]])


async def test_absent_collector_costs_no_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        # It takes connections and says nothing, which is worse than refusing them.
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with (
            running_app("one") as app,
            running_gateway(traced(PLAN, "grpc", endpoint)) as rig,
        ):
            await rig.gateway.set_endpoints(HELLO, [app.endpoint])
            for _ in range(3):
                answers = await asyncio.gather(*(rig.get(HOST) for _ in range(200)))
                assert {answer.status for answer in answers} == {200}
                await rig.gateway.publish(traced(PLAN, "http/protobuf", endpoint))


async def test_written_down_without_a_collector() -> None:
    lines: list[str] = []
    async with running_app("one") as app, running_gateway(PLAN) as rig:
        rig.gateway.spans._write = lines.append
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        await rig.gateway.publish(traced(PLAN, "stdout"))

        async def is_written() -> bool:
            await rig.get(HOST, "/told", headers=CLOSE)
            return any("/told" in line for line in lines)

        await eventually(is_written, every=0.05)
        span = json.loads(next(line for line in lines if "/told" in line))
        assert span["attributes"]["kn.revision.name"] == "hello"


async def test_zipkin_gets_spans_and_programs_get_its_headers() -> None:
    async with (
        http_collector() as found,
        running_app("one") as app,
        running_gateway(by_zipkin(PLAN, found.endpoint, debug="true")) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        b3 = {"X-B3-TraceId": TRACE, "X-B3-SpanId": PARENT, "X-B3-Sampled": "1"}
        await rig.get(HOST, "/b3", headers=b3)
        (span,) = await eventually(lambda: found.zipkin_of("/b3"))
        sent = lower(app.headers[-1])
        await rig.get(HOST, "/unwanted", headers=b3 | {"X-B3-Sampled": "0"})
        await rig.get(HOST, "/w3c", headers=parent(True))
        (continued,) = await eventually(lambda: found.zipkin_of("/w3c")[-1:])

    assert (span["traceId"], span["parentId"], span["kind"]) == (TRACE, PARENT, "SERVER")
    assert span["tags"]["kn.service.name"] == "shop"
    assert (sent["x-b3-spanid"], sent["x-b3-traceid"]) == (span["id"], TRACE)
    assert (continued["traceId"], continued["parentId"]) == (TRACE, PARENT)
    assert not [s for s in found.zipkin if path_of(s["tags"]) == "/unwanted"]
    assert set(found.paths) == {"/api/v2/spans"}


async def test_zipkin_takes_a_share() -> None:
    asked = 60
    async with http_collector() as found, running_app("one") as app:
        plan = by_zipkin(PLAN, found.endpoint, **{"sample-rate": "0.5"})
        async with running_gateway(plan) as rig:
            await rig.gateway.set_endpoints(HELLO, [app.endpoint])
            for _ in range(asked):
                await rig.get(HOST, "/chance", headers={"x-request-id": "mine"} | CLOSE)
            assert lower(app.headers[-1])["x-request-id"] == "mine"
            for _ in range(asked):
                await rig.get(HOST, "/chance")
            b3 = {"X-B3-TraceId": TRACE, "X-B3-SpanId": PARENT, "X-B3-Sampled": "1"}
            await rig.get(HOST, "/last", headers=b3)
            await eventually(lambda: found.zipkin_of("/last"))
            assert 3 < len(found.zipkin_of("/chance")) < asked - 3
