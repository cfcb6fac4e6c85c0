"""``kill -9`` of the control plane while requests flow: none fails, and everything comes back."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from typing import Any

from harness import cli
from harness.figures import Report
from harness.hey import hey
from harness.http import first_byte
from harness.running import FailedError, Platform, hello, need, running, until

RATE, CLIENTS = 500, 10
WARM, ASLEEP = "warm", "asleep"


async def measure(options: argparse.Namespace) -> Report:
    need("hey")
    kills = 1 if options.quick else options.kills
    seconds = kills * options.every + 5
    report = Report(f"kill -9 of the control plane at {RATE} requests/s")
    async with running(options.use) as platform:
        await platform.configure_autoscaler(stable_window="6s", scale_to_zero_grace_period="1s")
        await platform.apply(hello(WARM, min_scale="2"))
        await platform.apply(hello(ASLEEP))
        for name in (WARM, ASLEEP):
            await platform.until_ready(name)
        await platform.until_zero(ASLEEP)
        before = await _identities(platform)
        host, port = platform.address
        loading = asyncio.create_task(
            hey(
                f"http://{host}:{port}/",
                f"{WARM}.default.localhost",
                *("-z", f"{seconds}s", "-c", str(CLIENTS), "-q", str(RATE // CLIENTS)),
            )
        )
        await asyncio.sleep(2)
        back: list[float] = []
        for _ in range(kills):
            begun = time.perf_counter()
            os.kill(platform.components()["control-plane"], signal.SIGKILL)
            killed = time.perf_counter()
            await until(lambda: _down(platform), seconds=5, what="the API is gone", every=0.01)
            await until(lambda: _ready(platform), seconds=60, what="the API is back", every=0.01)
            back.append(time.perf_counter() - killed)
            await asyncio.sleep(max(0.0, options.every - (time.perf_counter() - begun)))
        load = await loading
        after = await _identities(platform)
        answer = await asyncio.to_thread(
            first_byte, platform.address, f"{ASLEEP}.default.localhost"
        )
        if answer.status != 200:
            raise FailedError(f"the sleeping service answered {answer.status} afterwards")
        if options.use:
            for name in (WARM, ASLEEP):
                await platform.delete(name)
    report.add("requests", load.total, note=f"{load.rate:,.0f} a second, {kills} kills")
    report.add("failed", load.failed, at_most=0)
    report.add_spread("until the API is ready again", back, "s")
    report.add("instances replaced", len(before ^ after), at_most=0, note=f"of {len(before)}")
    report.add("waking another service afterwards", answer.seconds * 1000, "ms", at_most=1000)
    if 99 in load.percentiles:
        report.add("answer, p99", load.percentiles[99] * 1000, "ms")
    if load.failed:
        report.notes.append(f"statuses {load.statuses}, errors {load.errors}")
    return report


async def _identities(platform: Platform) -> set[tuple[Any, ...]]:
    """Name, container and restarts of every instance of the warm service."""
    return {
        (pod["metadata"]["uid"], status["containerID"], status["restartCount"])
        for pod in await platform.pods(WARM)
        for status in pod["status"]["containerStatuses"]
    }


async def _ready(platform: Platform) -> bool:
    try:
        return "ok" in str(await platform.api.get("/readyz"))
    except (OSError, FailedError):
        return False


async def _down(platform: Platform) -> bool:
    return not await _ready(platform)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--every", type=float, default=8.0, help="seconds between kills")
    cli.main("kill_control_plane", parser, measure)
