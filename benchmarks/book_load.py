"""The book's load test: ``hey -z 30s -c 50`` at target 10, from zero to eight instances and back.

Fifty concurrent requests at target 10 and 70 % utilisation want ceil(50 / 7) = 8 instances; the
book shows five, its lower bound. Run twice: with the book's service, which answers at once, so that
on a small machine half of the fifty are always in the client and in sockets; and with one that
takes 50 ms, so that fifty are in flight. Each has slept for longer than the panic window when the
load begins, which it does anywhere in a second. ``--climbs`` measures only how soon the book's
service has its instances, so many times. With ``--full`` the autoscaler keeps its own window of
60 s and grace of 30 s; otherwise both are shorter, and the way back to zero is measured against
those.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from typing import Any

from harness import cli
from harness.figures import Report
from harness.hey import hey
from harness.running import (
    APPS,
    PODS,
    Platform,
    book_service,
    hello,
    is_true,
    need,
    running,
)

SLOW_IMAGE = "dev.local/sleeper:1"
SHORT = (8.0, 6.0)
FULL = (60.0, 30.0)
CLIMB_SECONDS = 4
SLACK_SECONDS = 4.0
"""The autoscaler looks every other second, and instances need a moment to end."""


class Instances:
    """Counts ready instances by watching Pods."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.history: list[tuple[float, int]] = []
        self.none = asyncio.Event()
        self._ready: set[str] = set()
        self._pods: set[str] = set()

    async def follow(self, platform: Platform) -> None:
        """Watch until cancelled."""
        async for event in platform.api.watch(PODS):
            metadata = event.object["metadata"]
            if metadata.get("labels", {}).get("serving.knative.dev/service") != self._service:
                continue
            name = metadata["name"]
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
    report = Report(f"hey -z {seconds}s -c 50 at target 10, window {window:g} s")
    async with running(options.use) as platform:
        if options.climbs:
            await _climbs(platform, report, options.climbs, window, grace)
            return report
        platform.wakeful("build", str(APPS / "sleeper"), "-t", SLOW_IMAGE)
        await platform.configure_autoscaler(
            stable_window=f"{window:g}s", scale_to_zero_grace_period=f"{grace:g}s"
        )
        slow = hello("slow", image=SLOW_IMAGE, target="10")
        for label, service in (("the book's", book_service()), ("50 ms each", slow)):
            await _load(platform, label, service, report, seconds, window, grace)
            if options.use:
                await platform.delete(service["metadata"]["name"])
    return report


async def _climbs(
    platform: Platform, report: Report, count: int, window: float, grace: float
) -> None:
    """Wake the book's service again and again, and count how often five were ready in time."""
    await platform.configure_autoscaler(
        stable_window=f"{window:g}s", scale_to_zero_grace_period=f"{grace:g}s"
    )
    await platform.apply(book_service())
    name = book_service()["metadata"]["name"]
    await platform.until_ready(name)
    took = [await _climb(platform, name, window, grace, report) for _ in range(count)]
    report.samples["until 5 ready"] = took
    report.add("until 5 ready, median", statistics.median(took), "s", at_most=3.0)
    within = sum(seconds <= 3.0 for seconds in took)
    report.add("five within 3 s, of all", within / count, at_least=0.9, note=f"{within} of {count}")


async def _climb(
    platform: Platform, name: str, window: float, grace: float, report: Report
) -> float:
    await platform.until_zero(name, seconds=window + grace + 30)
    await asyncio.sleep(window / 10 + 1 + random.random())
    instances = Instances(name)
    following = asyncio.create_task(instances.follow(platform))
    await asyncio.sleep(0.5)
    host, port = platform.address
    begun = time.perf_counter()
    options = ("-z", f"{CLIMB_SECONDS}s", "-c", "50")
    load = await hey(f"http://{host}:{port}/", f"{name}.default.localhost", *options)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    took = instances.first(5, begun)
    report.notes.append(
        f"{load.rate:,.0f} a second, {load.failed} failed, most {instances.most}, five after "
        + (f"{took:.2f} s" if took is not None else f"more than {CLIMB_SECONDS} s")
    )
    return float("inf") if took is None else took


async def _load(
    platform: Platform,
    label: str,
    service: dict[str, Any],
    report: Report,
    seconds: int,
    window: float,
    grace: float,
) -> None:
    name = service["metadata"]["name"]
    await platform.apply(service)
    await platform.until_ready(name)
    await platform.until_zero(name, seconds=window + grace + 30)
    await asyncio.sleep(max(2.0, window / 10 + 2))
    instances = Instances(name)
    following = asyncio.create_task(instances.follow(platform))
    await asyncio.sleep(0.5)
    host, port = platform.address
    begun = time.perf_counter()
    load = await hey(
        f"http://{host}:{port}/", f"{name}.default.localhost", "-z", f"{seconds}s", "-c", "50"
    )
    ended = time.perf_counter()
    limit = window + grace + SLACK_SECONDS
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(instances.none.wait(), limit + 30)
    zero = time.perf_counter() - ended
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    never = float("inf")
    report.add(f"{label}: requests", load.total, note=f"{load.rate:,.0f} a second")
    report.add(f"{label}: failed", load.failed, at_most=0)
    for count, bar in ((1, None), (5, 3.0), (8, None)):
        took = instances.first(count, begun)
        report.add(
            f"{label}: until {count} ready", never if took is None else took, "s", at_most=bar
        )
    report.add(f"{label}: most instances", instances.most)
    report.add(
        f"{label}: until zero, after the load",
        zero,
        "s",
        at_most=limit,
        note="window + grace + 4 s",
    )
    if 99 in load.percentiles:
        report.add(f"{label}: answer, p99", load.percentiles[99] * 1000, "ms")
    if load.failed:
        report.notes.append(f"{label}: statuses {load.statuses}, errors {load.errors}")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--climbs", type=int, default=0, help="only the way up, so many times")
    parser.add_argument("--full", action="store_true", help="window 60 s, grace 30 s")
    cli.main("book_load", parser, measure)
