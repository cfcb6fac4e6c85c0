"""The API over HTTPS: how many objects a second can be made, read, changed, listed and watched."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from harness import cli
from harness.figures import Report, percentile
from harness.running import Platform, running

PATH = "/api/v1/namespaces/default/configmaps"
AT_ONCE = 8
WATCHERS = 4
LISTS = 30


def _body(number: int, value: str) -> dict[str, Any]:
    data = {f"key-{n}": value * 4 for n in range(8)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"bench-{number}", "labels": {"app": "bench"}},
        "data": data,
    }


async def measure(options: argparse.Namespace) -> Report:
    report = Report("API over HTTPS")
    count = 200 if options.quick else options.objects
    async with running(options.use, build=False) as platform:
        api = platform.api
        version = (await api.get(PATH))["metadata"]["resourceVersion"]
        written: dict[str, float] = {}
        lags: list[float] = []
        watchers = [
            asyncio.create_task(_watch(platform, version, count, written, lags))
            for _ in range(WATCHERS)
        ]
        await asyncio.sleep(0.3)

        async def create(number: int) -> None:
            written[f"bench-{number}"] = time.perf_counter()
            await api.call("POST", PATH, _body(number, "first"))

        async def update(number: int) -> None:
            await api.call("PUT", f"{PATH}/bench-{number}", _body(number, "second"))

        await _rate(report, "create", count, create)
        async with asyncio.timeout(60):
            await asyncio.gather(*watchers)
        report.add_spread("request to watch event", [lag * 1000 for lag in lags], "ms")
        await _rate(report, "get", count, lambda n: api.get(f"{PATH}/bench-{n}"))
        await _rate(report, "update", count, update)
        await _rate(
            report, "patch", count, lambda n: api.merge(f"{PATH}/bench-{n}", {"data": {"a": "b"}})
        )
        query = f"{PATH}?labelSelector=app%3Dbench"
        await _rate(report, f"list of {count}", LISTS, lambda _: api.get(query), at_once=1)
        await _rate(report, "delete", count, lambda n: api.call("DELETE", f"{PATH}/bench-{n}"))
    report.notes.append(
        f"{AT_ONCE} requests at once; creates are watched by {WATCHERS}; one Python client, which"
        " shares the machine"
    )
    return report


async def _rate(
    report: Report,
    name: str,
    count: int,
    call: Callable[[int], Awaitable[Any]],
    *,
    at_once: int = AT_ONCE,
) -> None:
    numbers = iter(range(count))
    took: list[float] = []

    async def work() -> None:
        for number in numbers:
            begun = time.perf_counter()
            await call(number)
            took.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    seconds = time.perf_counter() - begun
    report.samples[name] = took
    note = f"median {percentile(took, 50):.1f} ms, p99 {percentile(took, 99):.1f} ms"
    report.add(name, count / seconds, "/s", note=note)


async def _watch(
    platform: Platform, version: str, count: int, written: dict[str, float], lags: list[float]
) -> None:
    seen = 0
    async for event in platform.api.watch(PATH, version):
        name = event.object["metadata"].get("name", "")
        if event.type == "ADDED" and name in written:
            lags.append(event.at - written[name])
            seen += 1
            if seen == count:
                return


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--objects", type=int, default=1000)
    cli.main("api", parser, measure)
