"""Zero to first byte: what sleeping services cost their callers, beyond the program's own start.

A row of services sleeps; they are asked one after the other, each over a new connection, then all
fall asleep again, until there are enough wakes. In between, the same program is started without
the platform: as a plain process, and in a sandbox as the platform makes it. The phases are the
platform's own account, as ``wakeful explain`` gives it.
"""

from __future__ import annotations

import argparse
import asyncio

from harness import cli
from harness.figures import Report, percentile
from harness.http import first_byte
from harness.running import IMAGE, FailedError, Platform, hello, running
from harness.start import image_plan, plain_start, sandbox_starts

SERVICES = 10


async def measure(options: argparse.Namespace) -> Report:
    report = Report("zero to first byte")
    rounds = 2 if options.quick else options.rounds
    async with running(options.use) as platform:
        await platform.configure_autoscaler(stable_window="6s", scale_to_zero_grace_period="1s")
        names = [f"cold-{n}" for n in range(SERVICES)]
        for name in names:
            await platform.apply(hello(name))
        for name in names:
            await platform.until_ready(name)
        plan = await image_plan(platform.data_dir / "images", IMAGE)
        wakes: list[float] = []
        warm: list[float] = []
        plain: list[float] = []
        sandboxed: list[float] = []
        async with sandbox_starts(plan) as start:
            for _ in range(rounds):
                await platform.until_zero()
                await asyncio.sleep(1.0)  # the platform is to be idle, not just empty
                for name in names:
                    plain.append(plain_start(plan) * 1000)
                    sandboxed.append(await start() * 1000)
                    wakes.append(_ask(platform, name) * 1000)
                    warm.append(_ask(platform, name) * 1000)
                    await asyncio.sleep(0.3)  # so that the wake before is over
        phases = await _phases(platform, names)
        if options.use:
            for name in names:
                await platform.delete(name)
    own, sandbox = percentile(plain, 50), percentile(sandboxed, 50)
    report.add_spread("zero to first byte", wakes, "ms")
    report.add_spread("program's own start, plain", plain, "ms")
    report.add_spread("program's own start, in a sandbox", sandboxed, "ms")
    report.add_spread("a warm request", warm, "ms")
    report.add_spread(
        "added by the platform",
        [wake - own for wake in wakes],
        "ms",
        median_at_most=25,
        p99_at_most=60,
        note="beyond the median of the plain start",
    )
    report.add_spread(
        "added beyond the sandbox",
        [wake - sandbox for wake in wakes],
        "ms",
        note="beyond the median of the sandboxed start",
    )
    for name, lengths in phases.items():
        report.add_spread(f"phase: {name}", lengths, "ms")
    return report


async def _phases(platform: Platform, names: list[str]) -> dict[str, list[float]]:
    """Milliseconds of each phase of the last cold starts of all services."""
    found: dict[str, list[float]] = {}
    for name in names:
        report = await platform.api.call("GET", f"/wakeful/v1/explain/default/{name}-00001")
        for start in report["coldStarts"]:
            for phase, length in start["phases"].items():
                found.setdefault(phase, []).append(length)
    return found


def _ask(platform: Platform, name: str) -> float:
    answer = first_byte(platform.address, f"{name}.default.localhost")
    if answer.status != 200:
        raise FailedError(f"{name} answered {answer.status}")
    return answer.seconds


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=6, help=f"of {SERVICES} wakes each")
    cli.main("cold_start", parser, measure)
