"""Finding out where an event went, and repairing what went wrong."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wakeful.testing.platform import WAKEFUL, Answer, Platform, until
from wakeful.testing.services import Namespace

pytestmark = pytest.mark.usefixtures("unhurried")


class Subscriber:
    """A program on this machine, which takes events once it is told to."""

    def __init__(self) -> None:
        self.status, self.bodies = 500, list[bytes]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if outer.status < 300:
                    outer.bodies.append(body)
                self.send_response(outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture(scope="module")
def subscriber() -> Iterator[Subscriber]:
    subscriber = Subscriber()
    thread = threading.Thread(target=subscriber.server.serve_forever)
    thread.start()
    try:
        yield subscriber
    finally:
        subscriber.server.shutdown()
        subscriber.server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def repair(platform: Platform, subscriber: Subscriber) -> Iterator[Namespace]:
    """A Broker with a Trigger whose subscriber is in trouble."""
    platform.kubectl("create", "namespace", "repair")
    where = Namespace(platform, "repair")
    where.apply(
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Broker",
            "metadata": {"name": "default"},
        },
        {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Trigger",
            "metadata": {"name": "orders"},
            "spec": {
                "broker": "default",
                "filter": {"attributes": {"type": "order"}},
                "subscriber": {"uri": subscriber.url},
                "delivery": {"retry": 1, "backoffPolicy": "linear", "backoffDelay": "PT0.1S"},
            },
        },
    )
    names = ("broker/default", "trigger/orders")
    where.kubectl("wait", *names, "--for=condition=Ready", "--timeout=100s")
    try:
        yield where
    finally:
        platform.kubectl("delete", "namespace", "repair", "--wait=false")


def events(where: Namespace, *args: str, check: bool = True) -> Answer:
    """Run ``wakeful events`` in the namespace."""
    return where.platform.wakeful("events", *args, "-n", where.name, check=check)


def test_a_lost_event_is_found_edited_replayed_and_received(
    repair: Namespace, subscriber: Subscriber
) -> None:
    """From the sending to the hop that says that it arrived after all."""
    command = [*WAKEFUL, "events", "tail", "-o", "json", "--max", "2", "-n", repair.name]
    data_dir = ["--data-dir", str(repair.platform.data_dir)]
    with subprocess.Popen(
        [*command, *data_dir], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        assert "looking on" in tail.stderr.readline()
        for event_id in ("o-1", "o-2"):
            said = events(repair, "send", "--id", event_id, "--type", "order", "-d", '{"n": 1}')
            assert said.out == f"Broker default took event {event_id} (202)\n"
        seen = [json.loads(line) for line in tail.stdout]
        assert tail.wait(timeout=60) == 0
    assert [(event["id"], event["data"]) for event in seen] == [
        ("o-1", {"n": 1}),
        ("o-2", {"n": 1}),
    ]

    def buried() -> list[str]:
        found = repair.get("deadletters")["items"]
        return [item["metadata"]["name"] for item in found] if len(found) == 2 else []

    first, second = until(buried, what="two dead letters")
    listed = events(repair, "deadletters", "list").out
    assert listed.splitlines()[0].split() == [
        *("NAME", "FOR", "TYPE", "EVENT", "CODE", "ATTEMPTS", "FAILED", "REASON")
    ]
    assert listed.splitlines()[1].split()[1:6] == [
        *("trigger/repair/orders", "order", "o-1", "500", "2")
    ]
    in_vain = events(repair, "deadletters", "replay", first, check=False)
    assert in_vain.code == 1
    assert "answered 500" in in_vain.err

    subscriber.status = 200
    events(repair, "deadletters", "edit", first, "--data", '{"n": 2}')
    assert "took event o-1" in events(repair, "deadletters", "replay", first).out
    assert subscriber.bodies == [b'{"n":2}']
    shown = json.loads(events(repair, "show", "o-1", "-o", "json").out)
    steps = [hop["status"]["step"] for hop in shown]
    assert steps[-6:] == ["accepted", "failed", "failed", "kept", "failed", "delivered"]
    events(repair, "deadletters", "replay", "--all")
    assert subscriber.bodies[1:] == [b'{"n": 1}']
    assert not repair.get("deadletters")["items"]
    assert "NotFound" in repair.kubectl("get", "deadletter", second, check=False).err


def test_letters_are_seen_and_mended_by_those_who_may(repair: Namespace) -> None:
    """Viewers look, editors replay; other namespaces are none of their business."""
    for role in ("view", "edit"):
        repair.kubectl(
            "create",
            "rolebinding",
            role,
            f"--clusterrole={role}",
            f"--serviceaccount=repair:{role}",
        )

    def can(role: str, verb: str, what: str, namespace: str = "repair") -> bool:
        who = f"--as=system:serviceaccount:repair:{role}"
        answer = repair.platform.kubectl(
            "auth", "can-i", verb, what, who, "-n", namespace, check=False
        )
        return answer.out.strip() == "yes"

    letters, replays = "deadletters.events.wakeful.dev", "deadletters.events.wakeful.dev/replay"
    assert can("view", "list", letters)
    assert not can("view", "delete", letters)
    assert not can("view", "list", letters, "default")
    assert can("edit", "update", letters)
    assert can("edit", "create", replays)
    who = "--as=system:serviceaccount:repair:view"
    refused = repair.kubectl("delete", "deadletter", "1", who, check=False)
    assert "Forbidden" in refused.err
