"""A thousand requests at once for a service that sleeps: all are answered."""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections import Counter

from harness import cli
from harness.figures import Report
from harness.http import Answer, ask
from harness.running import hello, running

REQUESTS = 1000
HOST = "burst.default.localhost"


async def measure(options: argparse.Namespace) -> Report:
    report = Report(f"{options.requests:,} requests at zero")
    _allow_descriptors(options.requests * 2)
    rounds = 1 if options.quick else options.rounds
    async with running(options.use) as platform:
        await platform.configure_autoscaler(stable_window="6s", scale_to_zero_grace_period="1s")
        await platform.apply(hello("burst"))
        await platform.until_ready("burst")
        lasts: list[float] = []
        answers: list[Answer] = []
        for _ in range(rounds):
            await platform.until_zero("burst")
            begun = time.perf_counter()
            found = await asyncio.gather(
                *(ask(platform.address, HOST) for _ in range(options.requests))
            )
            lasts.append((max(a.ended for a in found) - begun) * 1000)
            answers += found
        statuses = Counter(answer.status for answer in answers)
        report.add("answers other than 200", len(answers) - statuses[200], at_most=0)
        report.add_spread("until the last answer", lasts, "ms")
        report.add_spread("until each first byte", [a.seconds * 1000 for a in answers], "ms")
        if len(statuses) > 1:
            report.notes.append(f"statuses: {dict(statuses)} (0: no answer)")
        if options.use:
            await platform.delete("burst")
    return report


def _allow_descriptors(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 1000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1000), hard))


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--rounds", type=int, default=3)
    cli.main("burst", parser, measure)
