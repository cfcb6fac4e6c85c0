"""``kubectl apply`` of a new service whose image is here, until it is Ready."""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from harness import cli
from harness.figures import Report, percentile
from harness.http import first_byte
from harness.running import (
    IMAGE,
    SERVICES,
    FailedError,
    Platform,
    hello,
    is_true,
    need,
    running,
)
from harness.start import image_plan, plain_start


async def measure(options: argparse.Namespace) -> Report:
    need("kubectl")
    report = Report("kubectl apply to Ready")
    count = 3 if options.quick else options.services
    async with running(options.use) as platform:
        plan = await image_plan(platform.data_dir / "images", IMAGE)
        ready: list[float] = []
        inside: list[float] = []
        plain: list[float] = []
        for number in range(count):
            name = f"apply-{number}"
            plain.append(plain_start(plan) * 1000)
            waiting = asyncio.create_task(_until_ready(platform, name))
            await asyncio.sleep(0.5)  # so that the watch is open
            begun = time.perf_counter()
            await asyncio.to_thread(
                platform.kubectl, "apply", "-f", "-", stdin=json.dumps(hello(name))
            )
            applied = time.perf_counter()
            async with asyncio.timeout(60):
                at = await waiting
            ready.append((at - begun) * 1000)
            inside.append((at - applied) * 1000)
            answer = await asyncio.to_thread(
                first_byte, platform.address, f"{name}.default.localhost"
            )
            if answer.status != 200:
                raise FailedError(f"{name} is Ready and answered {answer.status}")
            await platform.delete(name)
            await platform.until_zero(name)
    own = percentile(plain, 50)
    report.add_spread("program's own start, plain", plain, "ms")
    report.add_spread("apply to Ready", ready, "ms", note="kubectl's own time included")
    report.add_spread("of which after kubectl has ended", inside, "ms")
    above = [value - own for value in ready]
    report.add("above the program's own start, median", percentile(above, 50), "ms", at_most=1000)
    report.add("above the program's own start, p95", percentile(above, 95), "ms", at_most=1000)
    return report


async def _until_ready(platform: Platform, name: str) -> float:
    path = f"{SERVICES}?fieldSelector=metadata.name%3D{name}"
    version = (await platform.api.get(path))["metadata"]["resourceVersion"]
    async for event in platform.api.watch(SERVICES, version):
        if event.object["metadata"].get("name") == name and is_true(event.object, "Ready"):
            return event.at
    raise FailedError("the watch ended")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--services", type=int, default=20)
    cli.main("apply_ready", parser, measure)
