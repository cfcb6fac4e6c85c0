"""Durable events: how many a second, how late, and what 200 triggers cost. Ratios from one run.

The event process and the event server are those of a platform; load and subscriber are processes of
their own, on the same processors. Figures for a core divide by the processor time of event process
and event server, so they depend less on what else the machine does.

* bus alone: publish with acknowledgement and consume with acknowledgement through the same client,
  in one process: what the event server and nats-py allow.
* broker: POST of a 1 KB event until the subscriber has it, one Trigger.
* latency: from the sender's clock to the subscriber's, at 500 events a second.
* triggers: as for the broker, with many Triggers of which one wants the event.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httptools
import psutil
import uvloop
from harness import cli
from harness.figures import Report

from wakeful.eventbus import ConsumerConfig, StreamConfig
from wakeful.eventbus.jetstream.bus import JetStreamBus
from wakeful.eventing.ingress.http import HttpServer, Reply, Request
from wakeful.eventing.plan.model import Plan
from wakeful.testing.eventing import EventPath, a_broker, a_trigger

CONNECTIONS = 64
RATE = 500
DATA = json.dumps({"text": "x" * 1000}).encode()


# --- the subscriber -------------------------------------------------------------------------------


async def serve_sink(port: int, report: Path) -> None:
    """Take events; on SIGTERM write when each came: {id: seconds}."""
    seen: dict[str, float] = {}
    duplicates = 0

    async def handle(request: Request) -> Reply:
        nonlocal duplicates
        if request.target == "/report":
            body = {"seen": seen, "duplicates": duplicates}
            await asyncio.to_thread(report.write_text, json.dumps(body))
            return Reply(200)
        if request.target == "/count":
            return Reply(200, (("x-count", str(len(seen))),))
        for name, value in request.headers:
            if name == "ce-id":
                if value in seen:
                    duplicates += 1
                else:
                    seen[value] = time.time()
        return Reply(200)

    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    listener.setblocking(False)
    await HttpServer(handle).run(listener, asyncio.Event(), 1.0)


# --- the load -------------------------------------------------------------------------------------


class Client(asyncio.Protocol):
    """One kept connection: a request, its status."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[int] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.headers: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("closed"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name] = value

    def on_message_complete(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._parser.get_status_code())

    def send(self, data: bytes) -> asyncio.Future[int]:
        self._waiting = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self.transport.write(data)
        return self._waiting


def request_of(event_id: str, event_type: str = "bench.event") -> bytes:
    head = (
        "POST /default/default HTTP/1.1\r\n"
        "host: broker-ingress.knative-eventing.svc.cluster.local\r\n"
        "ce-specversion: 1.0\r\nce-source: /bench\r\n"
        f"ce-id: {event_id}\r\nce-type: {event_type}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(DATA)}\r\n\r\n"
    )
    return head.encode() + DATA


async def connect(port: int) -> Client:
    loop = asyncio.get_running_loop()
    while True:
        with suppress(OSError):
            _, client = await loop.create_connection(Client, "127.0.0.1", port)
            return client
        await asyncio.sleep(0.05)


async def send_events(port: int, count: int, rate: float, report: Path) -> None:
    """Send ``count`` events, as fast as they are taken or at ``rate``; write when each was sent."""
    sent: dict[str, float] = {}
    accepted: list[str] = []
    numbers = iter(range(count))
    began = time.time()

    async def worker() -> None:
        client = await connect(port)
        for number in numbers:
            if rate:
                await asyncio.sleep(max(0.0, began + number / rate - time.time()))
            name = f"e{number}"
            sent[name] = time.time()
            if await client.send(request_of(name)) == 202:
                accepted.append(name)

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    ended = time.time()
    body = {"sent": sent, "accepted": len(accepted), "seconds": ended - began}
    await asyncio.to_thread(report.write_text, json.dumps(body))


# --- the measurements -----------------------------------------------------------------------------


class Processor:
    """Processor time of some processes since the start."""

    def __init__(self, *pids: int) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._start = self._now()

    def _now(self) -> list[float]:
        return [sum(process.cpu_times()[:2]) for process in self._processes]

    def seconds(self) -> list[float]:
        return [now - then for now, then in zip(self._now(), self._start, strict=True)]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def this(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, *arguments])


async def measure_bus(path: EventPath, events: int) -> dict[str, float]:
    """What the event server and its client do without us."""
    async with JetStreamBus(path.nats.access) as bus:
        await bus.ensure_stream(StreamConfig("bench", ("bench.>",)))
        await bus.ensure_consumer("bench", ConsumerConfig("one", max_ack_pending=1000))
        subscription = await bus.subscribe("bench", "one")
        numbers = iter(range(events))
        payload = b"x" * 1200

        async def publish() -> None:
            for _ in numbers:
                await bus.publish("bench.event", payload)

        async def consume() -> None:
            got = 0
            while got < events:
                for message in await subscription.fetch(256):
                    await message.ack()
                    got += 1

        began, used = time.perf_counter(), time.process_time()
        await asyncio.gather(consume(), *(publish() for _ in range(CONNECTIONS)))
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        await bus.delete_stream("bench")
    return {"per_second": events / seconds, "client_us": cpu / events * 1e6}


async def run_load(
    path: EventPath, sink: int, events: int, rate: float, folder: Path
) -> dict[str, Any]:
    """Send, wait until everything has come, collect."""
    sent_file, seen_file = folder / "sent.json", folder / "seen.json"
    processor = Processor(path.pid, path.nats.pid)
    began = time.time()
    load = this("load", str(path.port), str(events), str(rate), str(sent_file))
    client = await connect(sink)
    while True:
        await client.send(b"POST /count HTTP/1.1\r\nhost: s\r\ncontent-length: 0\r\n\r\n")
        if int(client.headers[b"x-count"]) >= events:
            break
        await asyncio.sleep(0.05)
    await asyncio.to_thread(load.wait)
    cpu = processor.seconds()
    await client.send(b"POST /report HTTP/1.1\r\nhost: s\r\ncontent-length: 0\r\n\r\n")
    sent, seen = json.loads(sent_file.read_text()), json.loads(seen_file.read_text())
    first, last = min(sent["sent"].values()), max(seen["seen"].values())
    late = [(seen["seen"][name] - at) * 1000 for name, at in sent["sent"].items()]
    return {
        "events": events,
        "accepted": sent["accepted"],
        "duplicates": seen["duplicates"],
        "per_second": events / (last - first),
        "per_core_second": events / sum(cpu),
        "event_process_us": cpu[0] / events * 1e6,
        "event_server_us": cpu[1] / events * 1e6,
        "p50_ms": statistics.median(late),
        "p99_ms": percentile(late, 0.99),
        "began": began,
    }


async def with_sink(
    path: EventPath, folder: Path, use: Callable[[int], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        port: int = trial.getsockname()[1]
    sink = this("sink", str(port), str(folder / "seen.json"))
    try:
        return await use(port)
    finally:
        sink.terminate()
        await asyncio.to_thread(sink.wait)


def plan_of(port: int, triggers: int) -> Plan:
    """One Trigger wants the events; the others each want another type."""
    stream, route = a_broker()
    wanted = a_trigger(
        stream,
        "wanted",
        f"http://127.0.0.1:{port}/",
        filter={"attributes": {"type": "bench.event"}},
        types=("bench.event",),
    )
    others = tuple(
        a_trigger(
            stream,
            f"other{number}",
            f"http://127.0.0.1:{port}/other",
            filter={"attributes": {"type": f"other.{number}"}},
            types=(f"other.{number}",),
        )
        for number in range(triggers - 1)
    )
    return Plan((stream,), (route,), (wanted, *others))


async def measure(options: argparse.Namespace) -> Report:
    events: int = 4000 if options.quick else options.events
    report = Report(f"durable events, {events:,} of 1 KB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with EventPath(folder) as path:

            async def load(port: int, count: int, rate: float, triggers: int) -> dict[str, Any]:
                await path.use(plan_of(port, triggers))
                await asyncio.sleep(0.5)
                return await run_load(path, port, count, rate, folder)

            bus = await measure_bus(path, events)
            one = await with_sink(path, folder, lambda port: load(port, events, 0, 1))
            slow = await with_sink(path, folder, lambda port: load(port, 5000, RATE, 1))
            many = await with_sink(
                path, folder, lambda port: load(port, events, 0, options.triggers)
            )
    report.add("bus alone", bus["per_second"], "/s", note=f"client {bus['client_us']:.0f} us each")
    for label, found in (("broker", one), (f"{options.triggers} triggers", many)):
        report.add(label, found["per_second"], "/s", note="sent until received")
        report.add(
            f"{label}, for a core",
            found["per_core_second"],
            "/s",
            note=(
                f"event process {found['event_process_us']:.0f} us,"
                f" event server {found['event_server_us']:.0f} us each"
            ),
        )
        report.add(f"{label}, not accepted", events - found["accepted"], at_most=0)
        report.add(f"{label}, delivered twice", found["duplicates"])
    report.add("broker ÷ bus alone", one["per_second"] / bus["per_second"])
    ratio = one["per_core_second"] / many["per_core_second"]
    report.add(f"cost with {options.triggers} triggers ÷ with one", ratio, at_most=3)
    report.add(f"latency at {RATE}/s, median", slow["p50_ms"], "ms")
    report.add(f"latency at {RATE}/s, p99", slow["p99_ms"], "ms", at_most=20)
    return report


if __name__ == "__main__":
    if sys.argv[1:2] == ["sink"]:
        uvloop.run(serve_sink(int(sys.argv[2]), Path(sys.argv[3])))
    elif sys.argv[1:2] == ["load"]:
        port_text, count_text, rate_text, report_text = sys.argv[2:6]
        uvloop.run(
            send_events(int(port_text), int(count_text), float(rate_text), Path(report_text))
        )
    else:
        parser = cli.parser(__doc__)
        parser.add_argument("--events", type=int, default=20_000)
        parser.add_argument("--triggers", type=int, default=200)
        cli.main("eventing_throughput", parser, measure)
