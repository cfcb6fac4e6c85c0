"""What the platform uses when nobody asks for anything; with ``--services``, while many sleep."""

from __future__ import annotations

import argparse
import asyncio
import time

import psutil
from harness import cli, machine
from harness.figures import Report, percentile
from harness.http import first_byte
from harness.running import SERVICES, FailedError, Platform, hello, is_true, running

MEGA = 1e6
AT_ONCE = 8


async def measure(options: argparse.Namespace) -> Report:
    seconds = 30 if options.quick else options.seconds
    many = options.services
    report = Report(f"{many:,} sleeping services" if many else "idle")
    async with running(options.use, build=bool(many)) as platform:
        if many:
            await _create(platform, many, report)
        await asyncio.sleep(5)
        pids = platform.components()
        before = {name: machine.usage_of(pid) for name, pid in pids.items()}
        begun, busy = time.perf_counter(), machine.busy_seconds()
        await asyncio.sleep(seconds)
        after = {name: machine.usage_of(pid) for name, pid in pids.items()}
        took, others = time.perf_counter() - begun, machine.busy_seconds() - busy
        memory = machine.total(pids.values())
        used = {n: after[n].cpu_seconds - before[n].cpu_seconds for n in pids}
        bar = 600 if many else 250
        report.add("RSS of all processes", memory.rss_bytes / MEGA, "MB", at_most=bar)
        report.add("PSS of all processes", memory.pss_bytes / MEGA, "MB")
        for name in pids:
            report.add(f"  {name}, RSS", after[name].rss_bytes / MEGA, "MB")
        report.add("CPU", sum(used.values()) / took * 100, "% of a core", at_most=2)
        for name in pids:
            report.add(f"  {name}", used[name] / took * 100, "% of a core")
        report.notes.append(
            f"over {took:.0f} s, in which the whole machine was {others / took * 100:.0f} % of a"
            f" core busy; {_helpers(pids)} other processes of the platform"
        )
        if many:
            _wake(platform, many, report)
            if options.use:
                for number in range(many):
                    await platform.delete(f"sleep-{number}")
    return report


async def _create(platform: Platform, count: int, report: Report) -> None:
    """Create services that start at zero, a few at once; time each from request to Ready."""
    await platform.configure_autoscaler(allow_zero_initial_scale="true")
    asked: dict[str, float] = {}
    ready: dict[str, asyncio.Future[float]] = {}

    async def follow() -> None:
        async for event in platform.api.watch(SERVICES):
            future = ready.get(event.object["metadata"].get("name", ""))
            if future is not None and not future.done() and is_true(event.object, "Ready"):
                future.set_result(event.at)

    names = iter(range(count))

    async def create() -> None:
        for number in names:
            name = f"sleep-{number}"
            ready[name] = asyncio.get_running_loop().create_future()
            asked[name] = time.perf_counter()
            await platform.api.call("POST", SERVICES, hello(name, initial_scale="0"))
            await ready[name]

    watching = asyncio.create_task(follow())
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(count * 2 + 60):
            await asyncio.gather(*(create() for _ in range(AT_ONCE)))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    took = time.perf_counter() - begun
    times = [(ready[name].result() - asked[name]) * 1000 for name in asked]
    report.samples["creation"] = times
    report.add("creation to Ready, median", percentile(times, 50), "ms", note=f"{AT_ONCE} at once")
    report.add("creation to Ready, p95", percentile(times, 95), "ms")
    last = times[-max(1, count // 10) :]
    report.add("the last tenth, median", percentile(last, 50), "ms")
    report.add("created", count / took, "services/s")


def _wake(platform: Platform, count: int, report: Report) -> None:
    wakes = []
    for number in range(0, count, max(1, count // 20)):
        answer = first_byte(platform.address, f"sleep-{number}.default.localhost")
        if answer.status != 200:
            raise FailedError(f"sleep-{number} answered {answer.status}")
        wakes.append(answer.seconds * 1000)
        time.sleep(0.3)
    report.add_spread("zero to first byte of one of them", wakes, "ms")


def _helpers(pids: dict[str, int]) -> int:
    """Descendants of the supervisor that are no component: there should be none when idle."""
    found = psutil.Process(pids["supervisor"]).children(recursive=True)
    return len([p for p in found if p.pid not in pids.values()])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--services", type=int, default=0, help="so many services that sleep")
    cli.main("idle", parser, measure)
