"""What the platform uses while nobody asks for anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from harness import machine
from harness.figures import Report

MEGA = 1e6


async def report_idling(
    report: Report,
    pids: Mapping[str, int],
    seconds: float,
    *,
    rss_at_most: float | None,
    cpu_at_most: float | None,
) -> None:
    """Leave the platform alone for so long, and tell memory and CPU of all and of each part."""
    await asyncio.sleep(5)  # what was asked of it before comes to its end
    before = {name: machine.usage_of(pid) for name, pid in pids.items()}
    begun, busy = time.perf_counter(), machine.busy_seconds()
    await asyncio.sleep(seconds)
    after = {name: machine.usage_of(pid) for name, pid in pids.items()}
    took, others = time.perf_counter() - begun, machine.busy_seconds() - busy
    memory = machine.total(pids.values())
    used = {name: after[name].cpu_seconds - before[name].cpu_seconds for name in pids}
    report.add("RSS of all processes", memory.rss_bytes / MEGA, "MB", at_most=rss_at_most)
    report.add("PSS of all processes", memory.pss_bytes / MEGA, "MB")
    for name in pids:
        report.add(f"  {name}, RSS", after[name].rss_bytes / MEGA, "MB")
    cpu = sum(used.values()) / took * 100
    report.add("CPU while idle", cpu, "% of a core", at_most=cpu_at_most)
    for name in pids:
        report.add(f"  {name}", used[name] / took * 100, "% of a core")
    report.notes.append(
        f"idle over {took:.0f} s, in which the whole machine was {others / took * 100:.0f} % of a"
        " core busy"
    )
