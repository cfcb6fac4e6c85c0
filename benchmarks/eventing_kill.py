"""``kill -9`` of the event server, the event process and the control plane while events flow.

What was accepted must arrive, and nowhere else; events that arrive twice are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Any

from harness import cli
from harness.figures import Report
from harness.running import Platform, running, until

from wakeful.eventing.ingress.http import HttpServer, Reply, Request

RATE, SENDERS = 1000, 50
VICTIMS = ("event-server", "event-process", "control-plane")
NAME = "kill"


@dataclass
class Subscriber:
    """What came, by path and id."""

    wanted: dict[str, int] = field(default_factory=dict)
    strays: int = 0

    async def handle(self, request: Request) -> Reply:
        headers = dict(request.headers)
        if request.target == "/wanted" and headers["ce-type"] == "bench.wanted":
            name = headers["ce-id"]
            self.wanted[name] = self.wanted.get(name, 0) + 1
        elif request.target != "/other" or headers["ce-type"] != "bench.other":
            self.strays += 1
        return Reply(200)


@dataclass
class Load:
    """Events sent once and again until they were accepted."""

    accepted: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    failures: int = 0
    longest: float = 0.0
    """Seconds until an event was accepted, at worst."""


def objects(port: int) -> list[dict[str, Any]]:
    def trigger(name: str) -> dict[str, Any]:
        return {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Trigger",
            "metadata": {"name": f"{NAME}-{name}", "namespace": "default"},
            "spec": {
                "broker": NAME,
                "filter": {"attributes": {"type": f"bench.{name}"}},
                "subscriber": {"uri": f"http://127.0.0.1:{port}/{name}"},
            },
        }

    broker = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {"name": NAME, "namespace": "default"},
    }
    return [broker, trigger("wanted"), trigger("other")]


async def send(port: int, name: str, event_type: str) -> int:
    """One event over a connection of its own; 0 when there was no answer."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return 0
    try:
        writer.write(
            (
                f"POST /default/{NAME} HTTP/1.1\r\nhost: broker-ingress.knative-eventing.svc\r\n"
                f"ce-specversion: 1.0\r\nce-source: /bench\r\nce-id: {name}\r\n"
                f"ce-type: {event_type}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            ).encode()
        )
        line = await reader.readline()
        return int(line.split()[1]) if line else 0
    except (OSError, ValueError):
        return 0
    finally:
        writer.close()


async def flow(port: int, stop: asyncio.Event, load: Load) -> None:
    """Send at the rate until told to stop; then until the last one was accepted."""
    began, numbers = time.perf_counter(), iter(range(10**9))

    async def sender() -> None:
        for number in numbers:
            if stop.is_set():
                return
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            kind = "other" if number % 10 == 0 else "wanted"
            name, since = f"{kind}-{number}", time.perf_counter()
            while (status := await send(port, name, f"bench.{kind}")) != 202:
                load.failures += status != 0
                load.repeated.add(name)
                await asyncio.sleep(0.05)
            load.longest = max(load.longest, time.perf_counter() - since)
            if kind == "wanted":
                load.accepted.add(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(sender())


async def measure(options: argparse.Namespace) -> Report:
    rounds = 1 if options.quick else options.rounds
    report = Report(f"kill -9 of each part in turn at {RATE} events/s")
    subscriber, load = Subscriber(), Load()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    port: int = listener.getsockname()[1]
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group, running(options.use) as platform:
        serving = group.create_task(HttpServer(subscriber.handle).run(listener, ended, 1.0))
        for obj in objects(port):
            await asyncio.to_thread(platform.kubectl, "apply", "-f", "-", stdin=json.dumps(obj))
        await until(lambda: _ready(platform), seconds=30, what="the triggers are ready")
        ingress = int((platform.data_dir / "eventing" / "port").read_text())
        stop = asyncio.Event()
        flowing = group.create_task(flow(ingress, stop, load))
        await asyncio.sleep(2)
        kills = 0
        for _ in range(rounds):
            for victim in VICTIMS:
                os.kill(platform.components()[victim], signal.SIGKILL)
                kills += 1
                await asyncio.sleep(options.every)
        stop.set()
        await flowing
        await until(
            lambda: _all(load.accepted <= subscriber.wanted.keys()),
            seconds=60,
            what="everything accepted has arrived",
        )
        ended.set()
        await serving
    missing = load.accepted - subscriber.wanted.keys()
    twice = sum(count - 1 for count in subscriber.wanted.values())
    own = sum(subscriber.wanted[name] - 1 for name in load.accepted - load.repeated)
    report.add("events accepted", len(load.accepted), note=f"{kills} kills")
    report.add("lost", len(missing), at_most=0)
    report.add("delivered to a wrong subscriber", subscriber.strays, at_most=0)
    report.add("delivered again", own, note=f"{twice} with those the sender had to repeat")
    report.add("sent again because no answer came", len(load.repeated))
    report.add("answers other than 202", load.failures)
    report.add("longest until accepted", load.longest, "s")
    return report


async def _all(answer: bool) -> bool:
    return answer


async def _ready(platform: Platform) -> bool:
    for name in ("wanted", "other"):
        path = f"/apis/eventing.knative.dev/v1/namespaces/default/triggers/{NAME}-{name}"
        found = await platform.api.get(path)
        conditions = found.get("status", {}).get("conditions", [])
        if not any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            return False
    return True


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between kills")
    cli.main("eventing_kill", parser, measure)
