"""containerConcurrency 1 at 90 % load, compared with an ideal line in front of all instances.

Requests of 200 ms arrive at random (Poisson) and independently of how the ones before fare. What
they take is compared with what they would have taken in one line that feeds the same instances at
no cost: simulated from the very times at which they were sent and the very times the program kept
each of them. The program counts the requests that come while another one runs.
"""

from __future__ import annotations

import argparse

from harness import cli
from harness.figures import Report, percentile
from harness.openloop import Asked, ask_at, central_queue, poisson
from harness.running import APPS, FailedError, Platform, hello, running, until

NAME, IMAGE = "single", "dev.local/single:1"
HOST = f"{NAME}.default.localhost"
SECONDS_EACH = 0.2
LOAD = 0.9
BAR = 1.3
WARM_UP_SECONDS = 3.0
SEED = 20


async def measure(options: argparse.Namespace) -> Report:
    count, seconds = options.instances, 15.0 if options.quick else options.seconds
    async with running(options.use, build=False) as platform:
        platform.wakeful("build", str(APPS / "single"), "-t", IMAGE)
        await platform.apply(_manifest(count))
        await platform.until_ready(NAME)
        await until(lambda: _all_ready(platform, count), seconds=120, what=f"{count} are ready")
        rate = LOAD * count / SECONDS_EACH
        await ask_at(platform.address, HOST, poisson(rate, WARM_UP_SECONDS, SEED))
        asked = await ask_at(platform.address, HOST, poisson(rate, seconds, SEED + 1))
        if options.use:
            await platform.delete(NAME)
    report = Report(f"containerConcurrency 1, {count} instances, {LOAD:.0%} load")
    _compare(report, asked, count)
    return report


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
    ideal = central_queue([one.sent for one in answered], services, count)
    measured = [one.seconds for one in answered]
    overlaps: dict[str, int] = {}
    for one in answered:
        name = one.headers["x-instance"]
        overlaps[name] = max(overlaps.get(name, 0), int(one.headers["x-overlaps"]))
    report.add("requests", len(asked), note=f"at {len(overlaps)} instances")
    report.add("not answered with 200", len(asked) - len(answered), at_most=0)
    report.add("requests that met another one", sum(overlaps.values()), at_most=0)
    report.add_spread("measured", [value * 1000 for value in measured], "ms")
    report.add_spread("ideal line", [value * 1000 for value in ideal], "ms")
    report.add("median ÷ ideal", percentile(measured, 50) / percentile(ideal, 50))
    report.add("p99 ÷ ideal", percentile(measured, 99) / percentile(ideal, 99), at_most=BAR)
    report.add_spread("kept by the program", [value * 1000 for value in services], "ms")
    late = [(one.sent - one.due) * 1000 for one in answered]
    report.add_spread("sent later than planned", late, "ms", note="the load generator's own lag")


if __name__ == "__main__":
    parser = cli.parser(__doc__)
    parser.add_argument("--instances", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    cli.main("concurrency_queue", parser, measure)
