"""Warm throughput through the whole running platform, as a ratio to a bare Envoy in the same run.

Both Envoys have one worker and send to the very same instance: nginx, run by the platform. Rounds
alternate; the figure is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harness import cli
from harness.bare import Side, bare_envoy, compare
from harness.figures import Report
from harness.running import APPS, hello, need, running

NAME, IMAGE = "fast", "dev.local/fast:1"


async def measure(options: argparse.Namespace) -> Report:
    need("nginx", "wrk")
    count, seconds = (4, 1) if options.quick else (30, 1)
    report = Report("warm path, platform ÷ bare Envoy")
    async with running(options.use, build=False) as platform:
        platform.wakeful("build", str(APPS / "nginx"), "-t", IMAGE)
        await platform.apply(hello(NAME, image=IMAGE, min_scale="1", max_scale="1"))
        await platform.until_ready(NAME)
        (pod,) = await platform.pods(NAME)
        ours = Side(platform.address, platform.components()["envoy"])
        with tempfile.TemporaryDirectory(prefix="wakeful-bare-") as folder:
            async with bare_envoy(Path(folder), (pod["status"]["podIP"], 8080)) as bare:
                host = f"{NAME}.default.localhost"
                await compare(report, bare, ours, host, count=count, seconds=seconds)
        if options.use:
            await platform.delete(NAME)
    return report


if __name__ == "__main__":
    cli.main("warm_platform", cli.parser(__doc__), measure)
