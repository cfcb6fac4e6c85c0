"""The book's load test: ``hey -z 30s -c 50`` at target 10, from zero to eight instances and back.

Fifty concurrent requests at target 10 and 70 % utilisation want ceil(50 / 7) = 8 instances; the
book shows five, its lower bound. With ``--full`` the autoscaler keeps its own window of 60 s and
grace of 30 s; otherwise both are shorter, and the way back to zero is measured against those.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time

from harness import cli
from harness.figures import Report
from harness.hey import hey
from harness.running import PODS, Platform, book_service, is_true, need, running

NAME = "helloworld-go"
SHORT = (8.0, 6.0)
FULL = (60.0, 30.0)
SLACK_SECONDS = 4.0
"""The autoscaler looks every other second, and instances need a moment to end."""


class Instances:
    """Counts ready instances by watching Pods."""

    def __init__(self) -> None:
        self.history: list[tuple[float, int]] = []
        self.none = asyncio.Event()
        self._ready: set[str] = set()
        self._pods: set[str] = set()

    async def follow(self, platform: Platform) -> None:
        """Watch until cancelled."""
        async for event in platform.api.watch(PODS):
            name = event.object["metadata"].get("name", "")
            deleted = event.type == "DELETED"
            (self._pods.discard if deleted else self._pods.add)(name)
            ready = not deleted and is_true(event.object, "Ready")
            (self._ready.add if ready else self._ready.discard)(name)
            self.history.append((event.at, len(self._ready)))
            (self.none.clear if self._pods else self.none.set)()

    def first(self, count: int, begun: float) -> float | None:
        """Seconds from ``begun`` until so many were ready."""
        return next((at - begun for at, n in self.history if n >= count and at >= begun), None)

    @property
    def most(self) -> int:
        """The highest count."""
        return max((n for _, n in self.history), default=0)


async def measure(options: argparse.Namespace) -> Report:
    need("hey")
    window, grace = FULL if options.full else SHORT
    seconds = 10 if options.quick else options.seconds
    report = Report(f"hey -z {seconds}s -c 50 at target 10")
    async with running(options.use) as platform:
        await platform.configure_autoscaler(
            stable_window=f"{window:g}s", scale_to_zero_grace_period=f"{grace:g}s"
        )
        await platform.apply(book_service())
        await platform.until_ready(NAME)
        await platform.until_zero(NAME, seconds=window + grace + 30)
        instances = Instances()
        following = asyncio.create_task(instances.follow(platform))
        await asyncio.sleep(0.5)
        host, port = platform.address
        begun = time.perf_counter()
        load = await hey(
            f"http://{host}:{port}/", f"{NAME}.default.localhost", "-z", f"{seconds}s", "-c", "50"
        )
        ended = time.perf_counter()
        limit = window + grace + SLACK_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(instances.none.wait(), limit + 30)
        zero = time.perf_counter() - ended
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        if options.use:
            await platform.delete(NAME)
    never = float("inf")
    report.add("requests", load.total, note=f"{load.rate:,.0f} a second")
    report.add("failed", load.failed, at_most=0)
    for count, bar in ((1, None), (5, 3.0), (8, None)):
        took = instances.first(count, begun)
        report.add(f"until {count} ready", never if took is None else took, "s", at_most=bar)
    report.add("most instances", instances.most)
    report.add("until zero, after the load", zero, "s", at_most=limit, note="window + grace + 4 s")
    if 99 in load.percentiles:
        report.add("answer, p99", load.percentiles[99] * 1000, "ms")
    if load.failed:
        report.notes.append(f"statuses {load.statuses}, errors {load.errors}")
    return report


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--full", action="store_true", help="window 60 s, grace 30 s")
    cli.main("book_load", parser, measure)
