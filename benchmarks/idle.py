"""What the platform uses when nobody asks for anything, and there is nobody to be asked."""

from __future__ import annotations

import argparse
import asyncio
import time

import psutil
from harness import cli, machine
from harness.figures import Report
from harness.running import running

MEGA = 1e6


async def measure(options: argparse.Namespace) -> Report:
    seconds = 30 if options.quick else options.seconds
    report = Report("idle")
    async with running(options.use, build=False) as platform:
        await asyncio.sleep(5)
        pids = platform.components()
        before = {name: machine.usage_of(pid) for name, pid in pids.items()}
        begun, busy = time.perf_counter(), machine.busy_seconds()
        await asyncio.sleep(seconds)
        after = {name: machine.usage_of(pid) for name, pid in pids.items()}
        took, others = time.perf_counter() - begun, machine.busy_seconds() - busy
        memory = machine.total(pids.values())
        used = {n: after[n].cpu_seconds - before[n].cpu_seconds for n in pids}
        report.add("RSS of all processes", memory.rss_bytes / MEGA, "MB", at_most=250)
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
    return report


def _helpers(pids: dict[str, int]) -> int:
    """Descendants of the supervisor that are no component: there should be none when idle."""
    found = psutil.Process(pids["supervisor"]).children(recursive=True)
    return len([p for p in found if p.pid not in pids.values()])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    cli.main("idle", parser, measure)
