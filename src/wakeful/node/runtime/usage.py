"""Resource figures without control groups."""

from __future__ import annotations

from wakeful.node.runtime.cgroups import Usage
from wakeful.node.runtime.types import ContainerStats


def of_tree(pid: int) -> Usage:
    """Add up a process and everything below it; what ends meanwhile counts as nothing."""
    import psutil

    cpu, rss, count = 0.0, 0, 0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return Usage(0.0, 0, 0, 0)
    for process in processes:
        try:
            with process.oneshot():
                times = process.cpu_times()
                cpu += times.user + times.system
                rss += process.memory_info().rss
                count += 1
        except psutil.Error:
            continue
    return Usage(cpu, rss, rss, count)


def to_stats(name: str, used: Usage) -> ContainerStats:
    """Attach the container's name."""
    return ContainerStats(
        name=name,
        cpu_seconds=used.cpu_seconds,
        memory_bytes=used.memory_bytes,
        rss_bytes=used.rss_bytes,
        pids=used.pids,
    )
