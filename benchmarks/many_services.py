"""Very many services that sleep: what one more costs, what they all cost, and who notices.

Services that are there already are counted in, so that a large number can be reached in steps.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness import cli, machine
from harness.figures import Report, percentile
from harness.http import first_byte
from harness.idling import report_idling
from harness.running import SERVICES, FailedError, Platform, hello, is_true, running

LONE, SWITCH = "lone", "switch"
SLEEPY: dict[str, Any] = {"window": "1s", "initial_scale": "0"}
_EVERY = 0.002
BARRED = 1000
"""More services than this are measured without bars."""


@dataclass(slots=True)
class Readiness:
    """When services were asked for, and when a watch saw them Ready."""

    asked: dict[str, float] = field(default_factory=dict)
    ready: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    def expect(self, name: str) -> asyncio.Future[float]:
        """Begin the time of one."""
        self.ready[name] = asyncio.get_running_loop().create_future()
        self.asked[name] = time.perf_counter()
        return self.ready[name]

    def took(self, names: Iterable[str]) -> list[float]:
        """Milliseconds from the request to Ready."""
        return [(self.ready[name].result() - self.asked[name]) * 1000 for name in names]


async def measure(options: argparse.Namespace) -> Report:
    count, quick = options.services, options.quick
    report = Report(f"{count:,} sleeping services")
    async with running(options.use) as platform:
        await platform.configure_autoscaler(
            allow_zero_initial_scale="true", scale_to_zero_grace_period="1s"
        )
        if not options.skip_lone:
            await _create_lone(platform)
            alone = await _wakes(platform, [LONE] * (5 if quick else 15))
            report.add_spread("zero to first byte with one service", alone, "ms")
        async with _watching(platform) as readiness:
            await _create(platform, readiness, options, report)
        if not options.only_create:
            await platform.delete(SWITCH)
            await platform.until_zero()
            few = options.services <= BARRED
            await report_idling(
                report,
                platform.components(),
                20 if quick else options.seconds,
                rss_at_most=600 if few else None,
                cpu_at_most=2 if few else None,
            )
            await _traffic(platform, 20 if quick else options.changes, options, report)
            await _wake_some(platform, options, report)
    return report


@asynccontextmanager
async def _watching(platform: Platform) -> AsyncIterator[Readiness]:
    readiness = Readiness()

    async def follow() -> None:
        async for event in platform.api.watch(SERVICES):
            future = readiness.ready.get(event.object["metadata"].get("name", ""))
            if future is not None and not future.done() and is_true(event.object, "Ready"):
                future.set_result(event.at)

    task = asyncio.create_task(follow())
    try:
        yield readiness
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _create_lone(platform: Platform) -> None:
    await platform.apply(hello(LONE, **SLEEPY))
    await platform.until_ready(LONE)
    await platform.until_zero(LONE)


async def _create(
    platform: Platform, readiness: Readiness, options: argparse.Namespace, report: Report
) -> None:
    """A fifth as fast as one client asks, a fifth one after the other, the rest at a pace."""
    listed = await platform.api.get(f"{SERVICES}?limit=100000")
    present = sum(1 for item in listed["items"] if item["metadata"]["name"].startswith("many-"))
    names = [f"many-{number}" for number in range(present, options.services)]
    fifth = len(names) // 5
    flood, queue, paced = names[:fifth], names[fifth : 2 * fifth], names[2 * fifth :]
    pids = platform.components()
    before = {name: machine.usage_of(pid).cpu_seconds for name, pid in pids.items()}

    begun = time.perf_counter()
    for name in flood:
        _ = readiness.expect(name)
        await platform.apply(hello(name, **SLEEPY))
    if flood:
        asked = time.perf_counter() - begun
        async with asyncio.timeout(60 + 2 * len(flood)):
            await asyncio.gather(*(readiness.ready[name] for name in flood))
        took = time.perf_counter() - begun
        report.add("asked for without waiting", len(flood) / asked, "services/s")
        report.add("  and Ready", len(flood) / took, "services/s")
    for name in queue:
        future = readiness.expect(name)
        await platform.apply(hello(name, **SLEEPY))
        async with asyncio.timeout(60):
            await future
    bar = 1000 if options.services <= BARRED else None
    _creation(report, "one after the other", readiness.took(queue), bar)

    due = time.perf_counter()
    for name in paced:
        due += 1 / options.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        _ = readiness.expect(name)
        await platform.apply(hello(name, **SLEEPY))
    async with asyncio.timeout(60 + 2 * len(paced)):
        await asyncio.gather(*(readiness.ready[name] for name in paced))
    _creation(report, f"at {options.rate:g} a second", readiness.took(paced), bar)
    if names:
        for name, pid in pids.items():
            used = machine.usage_of(pid).cpu_seconds - before[name]
            report.add(f"CPU for each, {name}", used / len(names) * 1000, "ms")


def _creation(report: Report, how: str, times: list[float], bar: float | None) -> None:
    if not times:
        return
    report.samples[f"creation, {how}"] = times
    report.add(f"creation to Ready, {how}, median", percentile(times, 50), "ms")
    report.add("  p95", percentile(times, 95), "ms", at_most=bar, note=f"of {len(times)}")
    tenth = times[-max(1, len(times) // 10) :]
    report.add("  median of the last tenth", percentile(tenth, 50), "ms")


async def _traffic(
    platform: Platform, changes: int, options: argparse.Namespace, report: Report
) -> None:
    """From the write of a Service's traffic to the first answer that shows it."""
    path = f"{SERVICES}/{SWITCH}"
    for version in ("a", "b"):
        manifest = hello(SWITCH, env={"TARGET": version}, min_scale="1")
        manifest["spec"]["template"]["metadata"]["name"] = f"{SWITCH}-{version}"
        manifest["spec"]["traffic"] = [{"revisionName": f"{SWITCH}-{version}", "percent": 100}]
        await platform.apply(manifest)
        await platform.until_ready(SWITCH)
    # Both keep an instance for as long as they are in the list.
    times: list[float] = []
    writes: list[float] = []
    pids = platform.components()
    used = {name: machine.usage_of(pid).cpu_seconds for name, pid in pids.items()}
    host = f"{SWITCH}.default.localhost"
    for number in range(changes + 2):
        new, old = ("a", "b") if number % 2 == 0 else ("b", "a")
        traffic = [
            {"revisionName": f"{SWITCH}-{new}", "percent": 100, "tag": f"is-{new}"},
            {"revisionName": f"{SWITCH}-{old}", "percent": 0, "tag": f"is-{old}"},
        ]
        begun = time.perf_counter()
        await platform.api.merge(path, {"spec": {"traffic": traffic}})
        written = time.perf_counter()
        while not await _answers(platform, host, new):
            if time.perf_counter() - begun > 30:
                raise FailedError(f"traffic did not move to {new!r} within 30 s")
            await asyncio.sleep(_EVERY)
        if number >= 2:  # the first brings the tags
            times.append((time.perf_counter() - written) * 1000)
            writes.append((written - begun) * 1000)
        await platform.until_ready(SWITCH)
        await asyncio.sleep(0.1)
    bar = 100 if options.services <= BARRED else None
    report.add_spread("traffic change, written to in force", times, "ms", p99_at_most=bar)
    report.add("  the write itself, median", percentile(writes, 50), "ms")
    for name, pid in pids.items():
        spent = machine.usage_of(pid).cpu_seconds - used[name]
        report.add(f"  CPU for each, {name}", spent / len(times) * 1000, "ms")


async def _answers(platform: Platform, host: str, version: str) -> bool:
    host_, port = platform.address
    reader, writer = await asyncio.open_connection(host_, port)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return f"Hello {version}!".encode() in await reader.read()
    finally:
        writer.close()


async def _wakes(platform: Platform, names: Iterable[str]) -> list[float]:
    times = []
    for name in names:
        await platform.until_zero(name)
        await asyncio.sleep(0.3)
        answer = await asyncio.to_thread(first_byte, platform.address, f"{name}.default.localhost")
        if answer.status != 200:
            raise FailedError(f"{name} answered {answer.status}")
        times.append(answer.seconds * 1000)
    return times


async def _wake_some(platform: Platform, options: argparse.Namespace, report: Report) -> None:
    wakes = 5 if options.quick else 15
    every = max(1, options.services // wakes)
    some = [f"many-{number}" for number in range(0, options.services, every)][:wakes]
    times = await _wakes(platform, some)
    report.add_spread("zero to first byte of one of them", times, "ms")
    if not options.skip_lone:
        again = await _wakes(platform, [LONE] * wakes)
        report.add_spread("zero to first byte of the first one", again, "ms")
        alone = report.samples["zero to first byte with one service"]
        report.add(
            "  against the time when it was alone",
            percentile(again, 50) / percentile(alone, 50),
            "x",
            at_most=1.25,
        )


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("services", type=int, nargs="?", default=1000)
    parser.add_argument("--rate", type=float, default=4, help="services a second")
    parser.add_argument("--seconds", type=int, default=60, help="of idling")
    parser.add_argument("--changes", type=int, default=100, help="of traffic")
    parser.add_argument("--only-create", action="store_true")
    parser.add_argument("--skip-lone", action="store_true", help="no comparison with one service")
    cli.main("many_services", parser, measure)
