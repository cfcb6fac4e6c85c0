"""Zero to first byte of a Python program with slow imports: started, and let go by its zygote.

The same image sleeps as two services; one leaves nothing at zero, the other a zygote. They are
woken in turn, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import argparse

from harness import cli
from harness.figures import Report, percentile
from harness.resting import HEAVY_IMAGE, build_heavy, phases, resting, wakes, warm
from harness.running import Platform, running

SERVICES = [("started", "gone"), ("by-zygote", "zygote")]


async def measure(options: argparse.Namespace) -> Report:
    report = Report("waking a Python program with slow imports")
    async with running(options.use, build=False) as platform:
        await platform.configure_autoscaler(scale_to_zero_grace_period="1s")
        imports = build_heavy(platform, target_ms=options.imports)
        for name, way in SERVICES:
            await platform.apply(resting(name, image=HEAVY_IMAGE, way=way))
        for name, _ in SERVICES:
            await platform.until_ready(name)
        base = warm(platform, "by-zygote", 20)
        found = await wakes(platform, SERVICES, 4 if options.quick else options.rounds)
        memory = await _memory(platform)
        release = phases(platform, "by-zygote", "release")
        boot = phases(platform, "by-zygote", "boot")
        if options.use:
            for name, _ in SERVICES:
                await platform.delete(name)
    started, woken = found["started"], found["by-zygote"]
    report.add("the program's imports", imports, "ms")
    report.add_spread("a warm request", base, "ms")
    report.add_spread("zero to first byte, started", started, "ms")
    report.add_spread("zero to first byte, by zygote", woken, "ms", median_at_most=30)
    ratio = percentile(started, 50) / percentile(woken, 50)
    report.add("started ÷ by zygote", ratio, at_least=5)
    report.add_spread("of that, until the program begins", release, "ms")
    report.add_spread("and until it answers", boot, "ms")
    report.add("memory of what waits", memory, "MiB")
    return report


async def _memory(platform: Platform) -> float:
    """Resident, as the node has measured it."""
    (pod,) = await platform.pods("by-zygote")
    told = pod["metadata"]["annotations"]["node.wakeful.dev/zygote"]
    return float(told.rpartition(",")[2].split()[0])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="wakes of each")
    parser.add_argument("--imports", type=float, default=300.0, help="milliseconds they take")
    cli.main("zygote", parser, measure)
