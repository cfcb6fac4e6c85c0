"""What the platform uses when nobody asks for anything, and there is nobody to be asked."""

from __future__ import annotations

import argparse

import psutil
from harness import cli
from harness.figures import Report
from harness.idling import report_idling
from harness.running import running


async def measure(options: argparse.Namespace) -> Report:
    seconds = 30 if options.quick else options.seconds
    report = Report("idle")
    async with running(options.use, build=False) as platform:
        pids = platform.components()
        await report_idling(report, pids, seconds, rss_at_most=250, cpu_at_most=2)
        report.notes.append(f"{_helpers(pids)} other processes of the platform")
    return report


def _helpers(pids: dict[str, int]) -> int:
    """Descendants of the supervisor that are no component: there should be none when idle."""
    found = psutil.Process(pids["supervisor"]).children(recursive=True)
    return len([p for p in found if p.pid not in pids.values()])


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    cli.main("idle", parser, measure)
