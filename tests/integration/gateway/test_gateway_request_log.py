"""Lines for requests, written by a real Envoy."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from wakeful.apis.serving.config import parse_observability
from wakeful.apis.serving.config.requestlog import RequestLine, parse_request_line
from wakeful.gateway import GatePlace, Plan, RequestLog, RevisionKey
from wakeful.testing.gateway import Rig, revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"
CLOSE = {"Connection": "close"}
PROBE_PATH = "/healthz"
PROBE = {"K-Network-Probe": "probe", "K-Network-Hash": "override"}


def logging(plan: Plan, template: str | None = None, *, probes: bool = False) -> Plan:
    data = {"logging.enable-request-log": "true"}
    if template is not None:
        data["logging.request-log-template"] = template
    return replace(plan, request_log=RequestLog(parse_observability(data).request_log, probes))


def lines(rig: Rig, about: str) -> list[str]:
    """Lines as their template has them."""
    stored = (rig.settings.paths.run_dir / "envoy.log").read_bytes().splitlines()
    found = [line.line for text in stored if (line := parse_request_line(text)) is not None]
    return [line for line in found if about in line]


async def ask_until_logged(rig: Rig, path: str) -> None:
    """Envoy's threads take over what is in force a moment after it was accepted."""

    async def is_logged() -> bool:
        await rig.get(HOST, path, headers=CLOSE)
        return bool(lines(rig, path))

    await eventually(is_logged, every=0.05)


async def test_log_begins_and_ends_while_requests_run() -> None:
    plan = simple_plan(revision("hello"))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        # A connection keeps what was in force when it was made, for half a minute at most.
        await rig.get(HOST, "/before", headers=CLOSE)

        await rig.gateway.publish(logging(plan))
        await rig.get(HOST, headers=PROBE)
        await ask_until_logged(rig, "/on")
        agent = {"User-Agent": 'a "b" \\ c', "traceparent": "00-4bf9-b7ad-01"}
        await rig.get(HOST, "/a?b=%20c", headers=CLOSE | agent)
        await eventually(lambda: lines(rig, "/a?b"))
        await rig.gateway.publish(plan)
        for number in range(5):
            await rig.get(HOST, f"/after-{number}", headers=CLOSE)
            await asyncio.sleep(0.05)
        await rig.gateway.publish(logging(plan))
        await ask_until_logged(rig, "/last")

        every: list[dict[str, Any]] = [json.loads(line) for line in lines(rig, '"status"')]
        paths = [logged["httpRequest"]["requestUrl"] for logged in every]
        assert {p for p in paths if "after" not in p} == {"/on", "/a?b=%20c", "/last"}
        assert "/after-4" not in paths
        (logged,) = [one for one in every if "/a?" in one["httpRequest"]["requestUrl"]]
        request = logged["httpRequest"]
        assert logged["traceId"] == "4bf9"
        assert request.pop("latency").endswith("ms")
        assert request.pop("remoteIp").startswith("127.0.0.1:")
        assert int(request.pop("responseSize")) > 10
        assert request == {
            "requestMethod": "GET",
            "requestUrl": "/a?b=%20c",
            "requestSize": "0",
            "status": 200,
            "userAgent": 'a "b" \\ c',
            "serverIp": "127.0.0.1",
            "referer": "",
            "protocol": "HTTP/1.1",
        }


async def test_log_names_the_revision_and_counts_probes_if_wanted() -> None:
    hello = revision("hello", service="shop", configuration="conf")
    template = (
        "log 100% {{.Revision.Namespace}}/{{.Revision.Name}} {{.Revision.Service}}"
        " {{.Revision.Configuration}} {{.Response.Code}} {{.Request.RequestURI}} \n"
    )
    plan = logging(simple_plan(hello), template, probes=True)
    async with running_app("one") as app, running_gateway(plan) as rig:
        rig.start_on_poke(app)
        await rig.get(HOST, PROBE_PATH, headers=PROBE)
        await rig.get(HOST)
        await rig.get(HOST, "/?status=418")
        await eventually(lambda: lines(rig, " 418 "))

        assert len(lines(rig, f"{PROBE_PATH} ")) == 1
        assert lines(rig, "default/hello") == [
            "log 100% default/hello shop conf 200 / ",
            "log 100% default/hello shop conf 418 /?status=418 ",
        ]


async def test_log_names_the_instance_also_behind_the_gate() -> None:
    """Which it is, the entrance does not know then; the gate says it, and no client hears of it."""
    template = (
        "who {{.Revision.PodName}}@{{.Revision.PodIP}} {{.Response.Code}} {{.Request.RequestURI}} "
    )
    plan = logging(simple_plan(revision("hello")), template)
    async with running_app("one") as app, running_gateway(plan) as rig:
        pod = replace(app.endpoint, pod="hello-1")
        await rig.gateway.set_endpoints(HELLO, [pod])
        direct = await rig.get(HOST, "/direct")
        gated = replace(revision("hello"), gate=GatePlace.IN_PATH)
        await rig.gateway.publish(logging(simple_plan(gated), template))
        behind = await rig.get(HOST, "/gated")
        await rig.get("nobody.example.org", "/nobody")
        await eventually(lambda: lines(rig, "/nobody"))

        assert [line for line in lines(rig, "who ") if " / " not in line] == [
            "who hello-1@127.0.0.1 200 /direct ",
            "who hello-1@127.0.0.1 200 /gated ",
            "who @ 404 /nobody ",
        ]
        assert {*behind.headers} == {*direct.headers}


async def test_log_that_begins_later_knows_instances_behind_the_gate() -> None:
    plan = simple_plan(revision("hello", gate=GatePlace.IN_PATH))
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [replace(app.endpoint, pod="hello-1")])
        await rig.get(HOST, "/before", headers=CLOSE)

        await rig.gateway.publish(
            logging(plan, "who {{.Revision.PodName}} {{.Request.RequestURI}}")
        )

        async def is_known() -> bool:
            await rig.get(HOST, "/on", headers=CLOSE)
            return bool(lines(rig, "who hello-1 /on"))

        await eventually(is_known, every=0.05)


async def test_lines_are_stored_with_whom_they_are_about() -> None:
    """The template need not say it."""
    hello = revision("hello", service="shop", configuration="conf")
    plan = logging(simple_plan(hello), '{"n": {{.Response.Code}}, "q": "{{.Request.RequestURI}}"}')
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [replace(app.endpoint, pod="hello-1")])
        await rig.get(HOST, "/a%22b")
        await eventually(lambda: lines(rig, "/a"))

        stored = (rig.settings.paths.run_dir / "envoy.log").read_bytes().splitlines()
        (found,) = [one for one in map(parse_request_line, stored) if one and "/a" in one.line]
        line = '{"n":200,"q":"/a%22b"}'
        assert found == RequestLine(line, "default", "shop", "hello", "hello-1")


async def test_a_websocket_is_one_line_as_any_request_is() -> None:
    """Envoy asks its logs about an upgrade when it is answered, too."""
    plan = logging(simple_plan(revision("hello")), "did {{.Request.RequestURI}} ")
    async with running_app("one") as app, running_gateway(plan) as rig:
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        async with rig.http.ws_connect(f"{rig.url}/chat", headers={"Host": HOST}) as socket:
            await socket.send_str("ping")
            assert await socket.receive_str() == "one:ping"
        await eventually(lambda: lines(rig, "/chat"))
        await rig.get(HOST, "/after")
        await eventually(lambda: lines(rig, "/after"))

        assert lines(rig, "/chat") == ["did /chat "]
