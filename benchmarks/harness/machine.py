"""The machine under it all: how busy it is, and what processes use."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import psutil


def describe() -> str:
    """Return cores, memory and load, to judge the other figures by."""
    one, five, _ = os.getloadavg()
    gigabytes = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {gigabytes:.0f} GiB, load {one:.2f} (1 min) {five:.2f} (5 min)"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process, or several, use."""

    rss_bytes: int = 0
    pss_bytes: int = 0
    """Shared pages divided among those who share them."""
    cpu_seconds: float = 0.0
    """Since the start, children that have ended included."""
    processes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.rss_bytes + other.rss_bytes,
            self.pss_bytes + other.pss_bytes,
            self.cpu_seconds + other.cpu_seconds,
            self.processes + other.processes,
        )


def usage_of(pid: int) -> Usage:
    """Measure one process; nothing when it has gone."""
    try:
        process = psutil.Process(pid)
        memory, cpu = process.memory_full_info(), process.cpu_times()
    except psutil.Error:
        return Usage()
    seconds = cpu.user + cpu.system + cpu.children_user + cpu.children_system
    return Usage(memory.rss, memory.pss, seconds, 1)


def total(pids: Iterable[int]) -> Usage:
    """Measure several."""
    return sum((usage_of(pid) for pid in pids), Usage())


def busy_seconds() -> float:
    """Seconds of CPU that everything on this machine has used."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait)
