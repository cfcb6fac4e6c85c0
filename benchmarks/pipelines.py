"""Tekton: what a step and a TaskRun cost, a hundred at once, and the API after a thousand."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import time
from typing import Any

import psutil
from harness import cli
from harness.figures import Report, percentile
from harness.running import FailedError, Platform, running

RUNS = "/apis/tekton.dev/v1/namespaces/default/taskruns"
MAPS = "/api/v1/namespaces/default/configmaps"
STEPS = 10
BURN = "i=0; while [ $i -lt {count} ]; do i=$((i+1)); done"
"""Keeps one processor busy, in the shell alone."""


def task_run(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"name": name},
        "spec": {"taskSpec": {"steps": [{"image": "ubuntu"} | s for s in steps]}},
    }


class Runs:
    """Makes TaskRuns and learns of their ends as any client would."""

    def __init__(self, platform: Platform) -> None:
        self._api = platform.api
        self._ends: dict[str, asyncio.Future[float]] = {}

    async def follow(self) -> None:
        """Listen until cancelled."""
        version = (await self._api.get(RUNS))["metadata"]["resourceVersion"]
        async for event in self._api.watch(RUNS, version):
            name = event.object["metadata"].get("name", "")
            end = self._ends.get(name)
            found = (event.object.get("status") or {}).get("conditions") or [{}]
            if end is None or end.done() or found[0].get("status") not in ("True", "False"):
                continue
            if found[0]["status"] == "True":
                end.set_result(event.at)
            else:
                end.set_exception(FailedError(f"{name}: {found[0]}"))

    async def run(self, name: str, *steps: dict[str, Any]) -> float:
        """Seconds from the request to the end as seen by a watch."""
        self._ends[name] = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        await self._api.call("POST", RUNS, task_run(name, *steps))
        async with asyncio.timeout(600):
            return await self._ends[name] - begun

    async def delete_all(self) -> None:
        """Have nothing left of what was measured."""
        await self._api.call("DELETE", RUNS)


def bare(*command: str, times: int = 10) -> float:
    """Median seconds of a command by itself."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        subprocess.run(command, check=True)
        found.append(time.perf_counter() - begun)
    return percentile(found, 50)


async def measure(options: argparse.Namespace) -> Report:
    report = Report("Tekton's runs")
    async with running(options.use, build=False) as platform:
        runs = Runs(platform)
        following = asyncio.create_task(runs.follow())
        await asyncio.sleep(0.3)
        try:
            await runs.run("warm-up", {"command": ["true"]})
            await _latency(report, runs, 5 if options.quick else 20)
            await _crowd(report, runs, options.crowd)
            await _history(report, platform, runs, 100 if options.quick else options.finished)
            await runs.delete_all()
        finally:
            following.cancel()
    return report


async def _latency(report: Report, runs: Runs, times: int) -> None:
    """One step against its command, and many against one."""
    sleep = {"command": ["sleep"], "args": ["0.05"]}
    command = bare("sleep", "0.05")
    single, many = [], []
    for number in range(times):
        single.append(await runs.run(f"one-{number}", sleep) * 1000)
        many.append(await runs.run(f"many-{number}", *[sleep] * (STEPS + 1)) * 1000)
    own = command * 1000
    report.add_spread("TaskRun of one step, request to end", single, "ms")
    above = percentile(single, 50) - own
    report.add("above its command, median", above, "ms", at_most=150)
    report.add("above its command, p95", percentile(single, 95) - own, "ms")
    step = (percentile(many, 50) - percentile(single, 50)) / STEPS - own
    report.add("one more step, above its command", step, "ms", at_most=50)


async def _crowd(report: Report, runs: Runs, count: int) -> None:
    """Many at once that each keep a processor busy, against the same work done in one step.

    That step keeps every processor busy from the beginning, with the same share of the machine.
    """
    loops = 100_000
    loops = int(loops * 0.5 / bare("sh", "-c", BURN.format(count=loops), times=3))
    burn = BURN.format(count=loops)
    cores = len(os.sched_getaffinity(0))
    every = f"seq {count} | xargs -P {cores} -I_ sh -c '{burn}'"
    ideal = await runs.run("ideal", {"command": ["sh", "-c", every]})
    begun = time.perf_counter()
    step = {"command": ["sh", "-c", burn]}
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(runs.run(f"crowd-{number}", step))
    took = time.perf_counter() - begun
    report.add(f"{count} TaskRuns at once, each some 0.5 s of work", took, "s")
    report.add(f"the same work in one step, {cores} at a time", ideal, "s")
    report.add("times that ideal", took / ideal, "times", at_most=1.5)


async def _history(report: Report, platform: Platform, runs: Runs, finished: int) -> None:
    """The API and a TaskRun with many finished runs about, against the same without."""
    await runs.delete_all()
    await asyncio.sleep(2)
    before = await _api_speed(platform), await _run_speed(runs, "before")
    for start in range(0, finished, 50):
        async with asyncio.TaskGroup() as group:
            for number in range(start, min(start + 50, finished)):
                group.create_task(runs.run(f"history-{number}", {"command": ["true"]}))
    await asyncio.sleep(2)
    after = await _api_speed(platform), await _run_speed(runs, "after")
    (rate, cost), (later_rate, later_cost) = before[0], after[0]
    report.add("API requests a second, before", rate, "1/s")
    report.add(f"the same with {finished} finished runs", later_rate, "1/s")
    report.add("processor time of the control plane for a request, before", cost * 1000, "ms")
    report.add(f"the same with {finished} finished runs", later_cost / cost, "times", at_most=1.25)
    report.add(
        f"TaskRun with {finished} finished runs about", after[1] / before[1], "times", at_most=1.5
    )


async def _api_speed(platform: Platform) -> tuple[float, float]:
    """Writes and reads of small objects a second, and the processor's seconds for one.

    The latter does not mind what else the machine does.
    """
    control_plane = psutil.Process(platform.components()["control-plane"])
    spent = sum(control_plane.cpu_times()[:2])
    count, begun = 300, time.perf_counter()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bench"}}
    await platform.api.call("POST", MAPS, body, ok=(409,))
    for number in range(count):
        await platform.api.merge(f"{MAPS}/bench", {"data": {"n": str(number)}})
        await platform.api.get(f"{MAPS}/bench")
    took = time.perf_counter() - begun
    spent = sum(control_plane.cpu_times()[:2]) - spent
    await platform.api.call("DELETE", f"{MAPS}/bench")
    return 2 * count / took, spent / (2 * count)


async def _run_speed(runs: Runs, name: str) -> float:
    found = [await runs.run(f"{name}-{n}", {"command": ["true"]}) for n in range(15)]
    return percentile(found, 50)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--crowd", type=int, default=100)
    parser.add_argument("--finished", type=int, default=1000)
    cli.main("pipelines", parser, measure)
