"""containerConcurrency 1 at 90 % load, compared with an ideal line in front of all instances.

Requests of 200 ms arrive at random (Poisson) and independently of how the ones before fare. What
they take is compared with what they would have taken in one line that feeds the same instances at
no cost: simulated from the very times at which they were sent and the very times the program kept
each of them. The program counts the requests that come while another one runs.

With ``--kill``, instances are killed meanwhile, one after the other: each may take the request with
it that it was working on, and no other.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
from collections.abc import Sequence

import psutil
from harness import cli
from harness.figures import Report, percentile
from harness.openloop import Asked, ask_at, central_queue, poisson
from harness.running import APPS, FailedError, Platform, hello, running, until

NAME, IMAGE = "single", "dev.local/single:1"
HOST = f"{NAME}.default.localhost"
SECONDS_EACH = 0.2
LOAD, LOAD_KILLED = 0.9, 0.7
BAR = 1.3
WARM_UP_SECONDS = 3.0
SEED = 20
KILL_SECONDS = 2.0


async def measure(options: argparse.Namespace) -> Report:
    count, seconds = options.instances, 15.0 if options.quick else options.seconds
    async with running(options.use, build=False) as platform:
        platform.wakeful("build", str(APPS / "single"), "-t", IMAGE)
        await platform.apply(_manifest(count))
        await platform.until_ready(NAME)
        await until(lambda: _all_ready(platform, count), seconds=120, what=f"{count} are ready")
        load = LOAD_KILLED if options.kill else LOAD
        rate = load * count / SECONDS_EACH
        await ask_at(platform.address, HOST, poisson(rate, WARM_UP_SECONDS, SEED))
        times = poisson(rate, seconds, SEED + 1)
        if options.kill:
            asked, killed = await _ask_and_kill(platform, times)
        else:
            asked, killed = await ask_at(platform.address, HOST, times), None
        if options.use:
            await platform.delete(NAME)
    report = Report(f"containerConcurrency 1, {count} instances, {load:.0%} load")
    if killed is None:
        _compare(report, asked, count)
    else:
        lost = sum(one.status != 200 for one in asked)
        report.add("requests", len(asked))
        report.add("instances killed", killed)
        report.add("not answered with 200", lost, at_most=killed)
        _count_meetings(report, [one for one in asked if one.status == 200])
    return report


async def _ask_and_kill(platform: Platform, times: Sequence[float]) -> tuple[list[Asked], int]:
    """Kill an instance every two seconds while requests come; return how many that were."""
    root = psutil.Process(platform.components()["supervisor"])
    asking = asyncio.create_task(ask_at(platform.address, HOST, times))
    killed = 0
    while not (await asyncio.wait([asking], timeout=KILL_SECONDS))[0]:
        programs = [child for child in root.children(recursive=True) if _is_program(child)]
        if programs:
            random.choice(programs).kill()
            killed += 1
    return asking.result(), killed


def _is_program(process: psutil.Process) -> bool:
    try:
        return process.name().startswith("python") and process.cmdline()[-1:] == ["app.py"]
    except psutil.Error:
        return False


def _manifest(count: int) -> dict[str, object]:
    manifest = hello(NAME, image=IMAGE, min_scale=str(count), max_scale=str(count))
    manifest["spec"]["template"]["spec"]["containerConcurrency"] = 1
    return manifest


async def _all_ready(platform: Platform, count: int) -> bool:
    pods = await platform.pods(NAME)
    ready = [
        pod
        for pod in pods
        for condition in pod["status"].get("conditions", ())
        if condition["type"] == "Ready" and condition["status"] == "True"
    ]
    return len(ready) == count


def _compare(report: Report, asked: list[Asked], count: int) -> None:
    answered = sorted((one for one in asked if one.status == 200), key=lambda one: one.sent)
    if not answered:
        raise FailedError("no request was answered")
    services = [float(one.headers["x-seconds"]) for one in answered]
    arrivals = [one.sent for one in answered]
    ideal = central_queue(arrivals, services, count)
    measured = [one.seconds for one in answered]
    # What a place costs beyond the program's time, learnt from those who need not wait for one. It
    # occupies the place, so at high load it makes the line longer by a multiple of itself.
    hop = statistics.median(
        took - least
        for took, least, service in zip(measured, ideal, services, strict=True)
        if least - service < 1e-6
    )
    paid = central_queue(arrivals, [service + hop for service in services], count)
    report.add("requests", len(asked))
    report.add("not answered with 200", len(asked) - len(answered), at_most=0)
    _count_meetings(report, answered)
    report.add_spread("measured", [value * 1000 for value in measured], "ms")
    report.add_spread("ideal line", [value * 1000 for value in ideal], "ms")
    report.add("median ÷ ideal", percentile(measured, 50) / percentile(ideal, 50))
    report.add("p99 ÷ ideal", percentile(measured, 99) / percentile(ideal, 99), at_most=BAR)
    report.add("way to a place and back", hop * 1000, "ms", note="median, without a line")
    ratio = percentile(measured, 99) / percentile(paid, 99)
    report.add("p99 ÷ ideal that pays for the way", ratio)
    report.add_spread("kept by the program", [value * 1000 for value in services], "ms")
    late = [(one.sent - one.due) * 1000 for one in answered]
    report.add_spread("sent later than planned", late, "ms", note="the load generator's own lag")


def _count_meetings(report: Report, answered: list[Asked]) -> None:
    meetings: dict[str, int] = {}
    for one in answered:
        name = one.headers["x-instance"]
        meetings[name] = max(meetings.get(name, 0), int(one.headers["x-overlaps"]))
    note = f"at {len(meetings)} instances"
    report.add("requests that met another one", sum(meetings.values()), at_most=0, note=note)


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--instances", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kill", action="store_true", help="kill instances meanwhile")
    cli.main("concurrency_queue", parser, measure)
