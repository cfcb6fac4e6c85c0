"""Zero to first byte of a service that is frozen at zero, beside one that is started.

Two programs: the example, which starts quickly, and one with slow imports. Each sleeps in both
ways, and all are woken in turn.
"""

from __future__ import annotations

import argparse

from harness import cli
from harness.figures import Report, percentile
from harness.resting import HEAVY_IMAGE, build_heavy, phases, resting, wakes, warm
from harness.running import IMAGE, running

SERVICES = [
    ("light-started", "gone"),
    ("light-frozen", "frozen"),
    ("heavy-started", "gone"),
    ("heavy-frozen", "frozen"),
]
FROZEN = [name for name, way in SERVICES if way == "frozen"]


async def measure(options: argparse.Namespace) -> Report:
    report = Report("waking what is frozen")
    async with running(options.use) as platform:
        await platform.configure_autoscaler(scale_to_zero_grace_period="1s")
        build_heavy(platform)
        for name, way in SERVICES:
            image = IMAGE if name.startswith("light") else HEAVY_IMAGE
            await platform.apply(resting(name, image=image, way=way))
        for name, _ in SERVICES:
            await platform.until_ready(name)
        base = warm(platform, "light-frozen", 20)
        found = await wakes(platform, SERVICES, 4 if options.quick else options.rounds)
        thaws = [ms for name in FROZEN for ms in phases(platform, name, "thaw")]
        if options.use:
            for name, _ in SERVICES:
                await platform.delete(name)
    report.add_spread("a warm request", base, "ms")
    for name, words in (("light", "the example"), ("heavy", "slow imports")):
        started, frozen = found[f"{name}-started"], found[f"{name}-frozen"]
        report.add_spread(f"zero to first byte, {words}, started", started, "ms")
        report.add_spread(f"zero to first byte, {words}, frozen", frozen, "ms", median_at_most=25)
        ratio = percentile(started, 50) / percentile(frozen, 50)
        report.add(f"started ÷ frozen, {words}", ratio, at_least=1)
    report.add_spread("of that, the thaw", thaws, "ms", median_at_most=10)
    return report


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="wakes of each")
    cli.main("frozen", parser, measure)
