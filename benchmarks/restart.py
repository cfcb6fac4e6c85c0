"""``kill -9`` of a control plane with many sleeping services: how soon it can be used again.

Services that are there already are counted in, so that a large number can be reached in steps.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from harness import cli, machine
from harness.figures import Report
from harness.http import Answer, ask
from harness.running import SERVICES, FailedError, Platform, hello, running, until

SLEEPY: dict[str, Any] = {"window": "6s", "initial_scale": "0"}
MAPS = "/api/v1/namespaces/default/configmaps"
CALM = 0.3
"""Share of a core that a control plane with nothing left to do stays below."""
_EVERY = 0.02
_AT_ONCE = 20


async def measure(options: argparse.Namespace) -> Report:
    count = options.services
    kills = 1 if options.quick else options.kills
    report = Report(f"kill -9 of the control plane with {count:,} sleeping services")
    async with running(options.use) as platform:
        await platform.configure_autoscaler(
            allow_zero_initial_scale="true", scale_to_zero_grace_period="1s"
        )
        await _create(platform, count)
        await platform.until_zero(seconds=300)
        answers, writes, ready, wakes = [list[float]() for _ in range(4)]
        for number in range(kills):
            name = f"many-{number * (count // kills)}"
            await _until_calm(platform)
            began, wake = await _kill(platform, name)
            answers.append(await _since(began, lambda: _answers(platform)))
            writes.append(await _since(began, lambda: _writes(platform)))
            ready.append(await _since(began, lambda: _is_ready(platform)))
            answer = await wake
            if answer.status != 200:
                raise FailedError(f"{name} answered {answer.status} to a request during a restart")
            wakes.append(answer.seconds)
            await platform.until_zero(name)
        once = await _start_again(platform)
    # In proportion: what grows with the number of services is in these bars.
    thousands = max(1.0, count / 1000)
    what = "of one kill" if kills == 1 else f"worst of {kills} kills"
    report.samples |= {"read": answers, "write": writes, "ready": ready, "wake": wakes}
    report.add("until the API answers a read", max(answers), "s", at_most=3, note=what)
    report.add("until it takes a write", max(writes), "s", at_most=3 * thousands)
    report.add("until everything is ready", max(ready), "s", at_most=5 * thousands)
    report.add(
        "until a request sent meanwhile has woken its service",
        max(wakes),
        "s",
        at_most=5 * thousands,
    )
    report.add("down and up again, until up returns", once, "s")
    return report


async def _create(platform: Platform, count: int) -> None:
    """As many as are missing, some at a time; returns once all are Ready."""
    listed = await platform.api.get(f"{SERVICES}?limit=100000")
    present = {item["metadata"]["name"] for item in listed["items"]}
    missing = [name for number in range(count) if (name := f"many-{number}") not in present]
    for start in range(0, len(missing), _AT_ONCE):
        group = missing[start : start + _AT_ONCE]
        for name in group:
            await platform.apply(hello(name, **SLEEPY))
        for name in group:
            await platform.until_ready(name, seconds=300)


async def _until_calm(platform: Platform) -> None:
    """Return once the control plane has nothing left to do."""
    pid = platform.components()["control-plane"]

    async def calm() -> bool:
        before = machine.usage_of(pid).cpu_seconds
        await asyncio.sleep(1)
        return machine.usage_of(pid).cpu_seconds - before < CALM

    await until(calm, seconds=300, what="the control plane is idle")


async def _kill(platform: Platform, name: str) -> tuple[float, asyncio.Task[Answer]]:
    """Kill it and ask for a sleeping service at once; return when that was, and the request."""
    pid = platform.components()["control-plane"]
    os.kill(pid, signal.SIGKILL)
    began = time.perf_counter()
    host = f"{name}.default.localhost"
    return began, asyncio.create_task(ask(platform.address, host, timeout=300))


async def _since(began: float, check: Callable[[], Awaitable[None]]) -> float:
    """Seconds until ``check`` goes through."""

    async def passes() -> bool:
        with contextlib.suppress(OSError, aiohttp.ClientError, FailedError):
            await check()
            return True
        return False

    await until(passes, seconds=300, what="the control plane is back", every=_EVERY)
    return time.perf_counter() - began


async def _answers(platform: Platform) -> None:
    await platform.api.get(f"{SERVICES}/many-0")


async def _writes(platform: Platform) -> None:
    body = {"metadata": {"name": "restart"}, "data": {"at": str(time.time())}}
    await platform.api.call(
        "PATCH",
        f"{MAPS}/restart?fieldManager=bench&force=true",
        {"apiVersion": "v1", "kind": "ConfigMap", **body},
        patch="application/apply-patch+yaml",
    )


async def _is_ready(platform: Platform) -> None:
    await platform.api.get("/readyz")


async def _start_again(platform: Platform) -> float:
    """Take everything down; return how long ``wakeful up`` takes then."""
    api, (_, http) = platform.api_port, platform.address
    platform.wakeful("down")
    began = time.perf_counter()
    platform.wakeful(
        "up", "--detach", "--api-port", str(api), "--http-port", str(http), "--https-port", "0"
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("services", type=int, nargs="?", default=1000)
    parser.add_argument("--kills", type=int, default=3)
    cli.main("restart", parser, measure)
