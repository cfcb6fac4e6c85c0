"""No failed request at the edges: while instances, revisions and zero come and go.

Three things at once: services that are asked again about when they fall asleep, one that is
replaced by its next version under a steady stream, and one that a crowd visits in waves.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from harness import cli
from harness.figures import Report
from harness.hey import hey
from harness.http import ask
from harness.running import PODS, Platform, hello, is_true, need, running

SLEEPERS = [f"sleeper-{number}" for number in range(12)]
ROLLING, WAVES = "rolling", "waves"
RATE, CLIENTS = 700, 10
CROWD = 40
WINDOW: dict[str, Any] = {"window": "1s"}


@dataclass(slots=True)
class Tally:
    """What the requests of all clients came to, and what happened meanwhile."""

    statuses: Counter[int] = field(default_factory=Counter)
    requests: int = 0
    failed: int = 0
    rollouts: int = 0
    waves: int = 0
    started: int = 0
    ended: int = 0
    notes: list[str] = field(default_factory=list)


async def measure(options: argparse.Namespace) -> Report:
    need("hey")
    seconds = 20 if options.quick else options.seconds
    tally = Tally()
    async with running(options.use) as platform:
        await platform.configure_autoscaler(scale_to_zero_grace_period="1s")
        names = [*SLEEPERS, ROLLING, WAVES]
        for name in SLEEPERS:
            await platform.apply(hello(name, **WINDOW))
        await platform.apply(hello(ROLLING, **WINDOW))
        await platform.apply(hello(WAVES, target="5", **WINDOW))
        for name in names:
            await platform.until_ready(name)
        end = time.monotonic() + seconds
        counting = asyncio.create_task(_count_instances(platform, tally))
        async with asyncio.TaskGroup() as group:
            for name in SLEEPERS:
                group.create_task(_wake(platform, name, end, tally))
            group.create_task(_stream(platform, seconds, tally))
            group.create_task(_roll(platform, end, tally))
            group.create_task(_surge(platform, end, tally))
        counting.cancel()
        for name in names:
            await platform.delete(name)
    report = Report(f"edges: {seconds} s of sleeping, rolling and surging")
    report.add("requests", tally.requests)
    report.add("failed", tally.failed, at_most=0)
    report.add("instances started", tally.started)
    report.add("instances ended", tally.ended)
    report.add("rollouts", tally.rollouts)
    report.add("waves", tally.waves, note=f"of {CROWD} clients")
    report.notes += tally.notes
    return report


async def _wake(platform: Platform, name: str, end: float, tally: Tally) -> None:
    """Ask again and again about when window and grace are over."""
    chance = random.Random(name)
    while time.monotonic() < end:
        answer = await ask(platform.address, f"{name}.default.localhost")
        tally.requests += 1
        if answer.status != 200:
            tally.failed += 1
            tally.notes.append(f"{name} answered {answer.status} after {answer.seconds:.2f} s")
        await asyncio.sleep(chance.uniform(1.0, 4.5))


async def _load(platform: Platform, name: str, tally: Tally, path: str, *args: str) -> None:
    host, port = platform.address
    result = await hey(f"http://{host}:{port}{path}", f"{name}.default.localhost", *args)
    tally.requests += result.total
    tally.failed += result.failed
    if result.failed:
        tally.notes.append(f"{name}: statuses {result.statuses}, errors {result.errors}")


async def _stream(platform: Platform, seconds: int, tally: Tally) -> None:
    each = RATE // CLIENTS
    await _load(
        platform, ROLLING, tally, "/", "-z", f"{seconds}s", "-c", str(CLIENTS), "-q", str(each)
    )


async def _roll(platform: Platform, end: float, tally: Tally) -> None:
    while time.monotonic() < end - 3:
        await asyncio.sleep(1)
        version = {"TARGET": f"version {tally.rollouts + 1}"}
        await platform.apply(hello(ROLLING, env=version, **WINDOW))
        await platform.until_ready(ROLLING)
        tally.rollouts += 1


async def _surge(platform: Platform, end: float, tally: Tally) -> None:
    while time.monotonic() < end - 3:
        await _load(platform, WAVES, tally, "/?sleep=100", "-z", "3s", "-c", str(CROWD))
        tally.waves += 1
        await asyncio.sleep(random.uniform(0, 5))


async def _count_instances(platform: Platform, tally: Tally) -> None:
    ready: set[str] = set()
    listed = await platform.api.get(PODS)
    async for event in platform.api.watch(PODS, listed["metadata"]["resourceVersion"]):
        name = event.object["metadata"]["name"]
        if event.type == "DELETED":
            tally.ended += 1
        elif is_true(event.object, "Ready") and name not in ready:
            ready.add(name)
            tally.started += 1


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    cli.main("edges", parser, measure)
