"""Dead letters and hops through the API: real event process, real server, real kubectl."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs
from typer.testing import CliRunner

from wakeful.aio import SystemClock
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.apiserver.http import HTTPApplication
from wakeful.cli.app import make_app
from wakeful.cmd.eventsapi import EventsAPI
from wakeful.eventbus.jetstream.bus import JetStreamBus
from wakeful.eventing.delivery import NameTable, open_sender
from wakeful.eventing.history import HistoryStore
from wakeful.eventing.plan.model import Plan, load_plan
from wakeful.eventing.repair import Replayer, Tap
from wakeful.eventing.worker.files import load_bus
from wakeful.storage import MemoryStore
from wakeful.testing.eventing import BROKER_HOST, EventPath, a_broker, a_trigger
from wakeful.testing.http import answering
from wakeful.testing.waiting import eventually

API = "/apis/events.wakeful.dev/v1alpha1/namespaces/default"


class Subscriber:
    """Takes events once it is told to."""

    def __init__(self) -> None:
        self.status, self.bodies = 500, list[bytes]()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.status < 300:
            self.bodies.append(body)
            if request.headers["ce-type"] == "question":
                about = {"id": "answer-1", "source": "/answers", "type": "answer"}
                headers = {f"ce-{name}": value for name, value in about.items()}
                return web.Response(headers=headers | {"ce-specversion": "1.0"})
            return web.Response(status=self.status)
        return web.Response(status=self.status, text="no room")


@dataclass
class Stage:
    """One broker with one trigger, whose subscriber is in trouble."""

    path: EventPath
    subscriber: Subscriber
    url: str
    http: aiohttp.ClientSession
    home: Path

    async def send(self, event_id: str, data: str = '{"n": 1}') -> int:
        headers = {
            "host": BROKER_HOST,
            "ce-id": event_id,
            "ce-source": "/test",
            "ce-type": "a.type",
            "ce-specversion": "1.0",
            "content-type": "application/json",
        }
        url = f"{self.path.url}/default/default"
        async with self.http.post(url, headers=headers, data=data) as answer:
            return answer.status

    async def get(self, path: str, **params: str) -> Any:
        async with self.http.get(self.url + API + path, params=params) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def letters(self, count: int) -> list[dict[str, Any]]:
        return await self._items(count, "/deadletters")

    async def hops(self, event_id: str, count: int) -> list[dict[str, Any]]:
        return await self._items(count, "/hops", fieldSelector=f"event.id={event_id}")

    async def _items(self, count: int, path: str, **params: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        async def is_enough() -> bool:
            found[:] = (await self.get(path, **params))["items"]
            return len(found) >= count

        await eventually(is_enough)
        return found

    async def wakeful(self, *args: str, stdin: str = "", code: int = 0) -> str:
        """Run ``wakeful events``."""
        config = {
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (self.home / "kubeconfig").write_text(json.dumps(config))
        command = ["events", *args, "--data-dir", str(self.home)]
        # In a thread with a loop of its own: a process each would take most of the test's time.
        with capture_logs():  # the server's go to the same standard output
            done = await asyncio.to_thread(CliRunner().invoke, make_app(), command, input=stdin)
        assert done.exit_code == code, done.output
        return done.output

    async def kubectl(self, *args: str, stdin: str = "", code: int = 0) -> str:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            pytest.skip("there is no kubectl")
        env = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "KUBECONFIG": "/dev/null"}
        command = [kubectl, "--server", self.url, *args]
        return await run(command, stdin=stdin, code=code, env=env)


async def run(command: Sequence[str], *, stdin: str, code: int, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
    )
    out, _ = await process.communicate(stdin.encode())
    assert process.returncode == code, out.decode()
    return out.decode()


class NoAddresses:
    """Knows one Broker."""

    def __init__(self, path: EventPath) -> None:
        self._path = path

    def address_of(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        if (kind, name) != ("Broker", "default"):
            raise NotFoundError.of("brokers", "eventing.knative.dev", name)
        return f"http://{BROKER_HOST}.cluster.local/{namespace}/{name}"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    subscriber, clock = Subscriber(), SystemClock()
    async with EventPath(tmp_path) as path, answering(subscriber.handle) as subscriber_url:
        names = NameTable(("127.0.0.1", path.port))
        stream, route = a_broker()
        trigger = a_trigger(stream, "t", subscriber_url)
        await path.use(Plan((stream,), (route,), (trigger,), names))

        def plan() -> Plan:
            return load_plan(path.paths.plan.read_bytes())

        store = HistoryStore.open(path.paths.history)
        async with open_sender(names) as sender, aiohttp.ClientSession() as http:
            api = EventsAPI(
                store,
                Replayer(store, sender, plan, clock),
                Tap(lambda: JetStreamBus(load_bus(path.paths)), plan),
                sender,
                NoAddresses(path),
            )
            server = APIServer(MemoryStore(), make_scheme(), clock=clock)
            application = HTTPApplication(server, aggregated=(api,))
            async with answering(application.handle, handler_cancellation=True) as url:
                yield Stage(path, subscriber, url, http, tmp_path)
        store.close()


async def test_a_dead_letter_is_found_mended_and_replayed(stage: Stage) -> None:
    """With kubectl; the way of the event tells all of it afterwards."""
    assert await stage.send("e-1") == 202
    (letter,) = await stage.letters(1)
    name = letter["metadata"]["name"]
    assert letter["spec"]["event"]["data"] == {"n": 1}
    assert letter["status"]["owner"] == "trigger/default/t"
    assert (letter["status"]["code"], letter["status"]["response"]) == (500, "no room")

    table = await stage.kubectl("get", "dl")
    assert table.split()[:6] == ["NAME", "FOR", "TYPE", "EVENT", "CODE", "ATTEMPTS"]
    assert table.splitlines()[1].split()[:6] == [
        name,
        "trigger/default/t",
        "a.type",
        "e-1",
        "500",
        "1",
    ]
    patch = json.dumps({"spec": {"event": {"data": {"n": 2}}}})
    await stage.kubectl("patch", "deadletter", name, "--type=merge", "-p", patch)
    body = '{"apiVersion": "events.wakeful.dev/v1alpha1", "kind": "DeadLetter"}'
    replay = ("create", "--raw", f"{API}/deadletters/{name}/replay", "-f", "-")
    in_vain = json.loads(await stage.kubectl(*replay, stdin=body))
    assert in_vain["status"]["replay"]["delivered"] is False
    assert in_vain["status"]["attempts"] == 2

    stage.subscriber.status = 200
    done = json.loads(await stage.kubectl(*replay, stdin=body))

    assert done["status"]["replay"]["delivered"] is True
    assert stage.subscriber.bodies == [b'{"n":2}']
    assert await stage.letters(0) == []
    hops = await stage.hops("e-1", 5)
    assert [hop["status"]["step"] for hop in hops] == [
        "accepted",
        "failed",
        "kept",
        "failed",
        "delivered",
    ]
    assert [hop["status"].get("code") for hop in hops] == [None, 500, 500, 500, 200]


async def test_what_cannot_be_is_refused(stage: Stage) -> None:
    """Events that are none, letters of other namespaces, fields nobody selects by."""
    await stage.send("e-2")
    (letter,) = await stage.letters(1)
    name = letter["metadata"]["name"]

    bad = json.dumps({"spec": {"event": {"id": ""}}})
    said = await stage.kubectl("patch", "dl", name, "--type=merge", "-p", bad, code=1)
    assert "spec.event.id" in said
    letter["metadata"]["resourceVersion"] = "1"
    said = await stage.kubectl("replace", "-f", "-", stdin=json.dumps(letter), code=1)
    assert "the object has been modified" in said
    assert "NotFound" in await stage.kubectl("-n", "other", "get", "dl", name, code=1)
    assert "NotFound" in await stage.kubectl("get", "dl", "x", code=1)
    said = await stage.kubectl("get", "dl", "--field-selector=a=b", code=1)
    assert "field label not supported: a" in said
    said = await stage.kubectl("annotate", "hops", "1", "a=b", code=1)
    assert "MethodNotAllowed" in said or "does not allow" in said

    await stage.kubectl("delete", "dl", "--all", "--wait=false")
    assert await stage.letters(0) == []


async def test_events_are_sent_and_watched_as_they_pass(stage: Stage) -> None:
    """Whoever looks on sees what is accepted from then on."""
    stage.subscriber.status = 200
    tail = stage.http.get(f"{stage.url}{API}/tails/default/events")
    async with asyncio.timeout(60), tail as seen:
        assert await seen.content.readline() == b"\n"
        body: dict[str, Any] = {
            "spec": {
                "to": {
                    "apiVersion": "eventing.knative.dev/v1",
                    "kind": "Broker",
                    "name": "default",
                },
                "event": {
                    "specversion": "1.0",
                    "id": "s-1",
                    "source": "/me",
                    "type": "t",
                    "data": {"a": [1]},
                },
            }
        }
        async with stage.http.post(f"{stage.url}{API}/sendings", json=body) as answer:
            assert answer.status == 201
            assert (await answer.json())["status"]["code"] == 202
        event = json.loads(await seen.content.readline())

    assert (event["id"], event["data"]) == ("s-1", {"a": [1]})
    for change, fault in (
        ({"name": "other"}, '"other" not found'),
        ({"kind": ""}, "spec.to.kind"),
    ):
        body["spec"]["to"].update(change)
        async with stage.http.post(f"{stage.url}{API}/sendings", json=body) as answer:
            assert fault in (await answer.json())["message"]
    async with stage.http.get(f"{stage.url}{API}/tails/other/events") as answer:
        assert answer.status == 404


async def test_the_command_line_does_all_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent, buried, listed, mended, replayed, told."""
    said = await stage.wakeful(
        "send", "--id", "c-1", "--type", "a.type", "-d", '{"n": 1}', "-e", "team=blue"
    )
    assert said == "Broker default took event c-1 (202)\n"
    (letter,) = await stage.letters(1)
    name = letter["metadata"]["name"]

    listed = await stage.wakeful("deadletters", "list", "--for", "trigger/t")
    assert listed.splitlines()[0].split()[:4] == ["NAME", "FOR", "TYPE", "EVENT"]
    assert "c-1" in listed
    assert "team: blue" in await stage.wakeful("deadletters", "show", name)
    monkeypatch.setenv("VISUAL", "sed -i s/blue/green/")
    assert "changed" in await stage.wakeful("deadletters", "edit", name)
    assert "team: green" in await stage.wakeful("deadletters", "show", name)
    assert "nothing changed" in await stage.wakeful("deadletters", "edit", name)
    await stage.wakeful("deadletters", "edit", name, "--data", '{"n": 2}')
    said = await stage.wakeful("deadletters", "replay", "--all", code=1)
    assert said.startswith(f"{name}: not taken: ")
    stage.subscriber.status = 200
    said = await stage.wakeful("deadletters", "replay", name)
    assert "took event c-1" in said
    assert stage.subscriber.bodies == [b'{"n":2}']

    await stage.hops("c-1", 5)
    shown = await stage.wakeful("show", "c-1")
    steps = [line.split()[2] for line in shown.splitlines()]
    assert steps == ["STEP", "accepted", "failed", "kept", "failed", "delivered"]
    said = await stage.wakeful("show", "nobody", code=1)
    assert "nothing is known of an event with id 'nobody'" in said
    said = await stage.wakeful("send", "-f", "-", stdin='{"specversion": "1.0"}', code=1)
    assert "this is no valid event" in said


async def test_answers_are_followed(stage: Stage) -> None:
    """The way of a question goes on with that of the event it was answered with."""
    stage.subscriber.status = 200
    await stage.wakeful("send", "--id", "question-1", "--type", "question")

    await stage.hops("answer-1", 2)
    await stage.hops("question-1", 3)
    shown = await stage.wakeful("show", "question-1")

    steps = [tuple(line.split()[1:3]) for line in shown.splitlines()[1:]]
    assert sorted(steps) == [
        ("answer-1", "accepted"),
        ("answer-1", "delivered"),
        ("question-1", "accepted"),
        ("question-1", "delivered"),
        ("question-1", "replied"),
    ]
