"""Services that keep something at zero, and a program that is slow to import."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.http import first_byte
from harness.running import APPS, FailedError, Platform, hello, until

OWN = "autoscaling.wakeful.dev/"
HEAVY_IMAGE = "dev.local/bench/imports"
_MODULES = 40
_MODULE = """
import dataclasses, enum, functools, json, re

{classes}
"""
_CLASS = """
@dataclasses.dataclass(order=True, frozen=True)
class Record{number}:
    name: str
    size: int = 0
    tags: tuple = ()
    note: str = dataclasses.field(default="", compare=False)

    def render(self):
        return json.dumps(dataclasses.asdict(self))

PATTERN_{number} = re.compile(r"(?P<year>\\d{{4}})-(?P<id>{number:04d})(?:-[a-z]{{1,{number}}})?$")
"""


def build_heavy(platform: Platform, *, target_ms: float = 300.0) -> float:
    """Build the image whose imports take about ``target_ms`` here; return what they take, in ms.

    What is imported is what programs are made of, dataclasses and patterns, not sleep.
    """
    with tempfile.TemporaryDirectory(prefix="wakeful-heavy-") as folder:
        app = Path(folder) / "app"
        shutil.copytree(APPS / "imports", app)
        _write(app, 4)
        trial = _import_ms(app)
        _write(app, max(1, round(4 * target_ms / trial)))
        took = _import_ms(app)
        platform.wakeful("build", str(app), "-t", HEAVY_IMAGE)
        return took


def _write(app: Path, classes: int) -> None:
    package = app / "heavy"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir()
    text = _MODULE.format(classes="".join(_CLASS.format(number=n + 1) for n in range(classes)))
    for number in range(_MODULES):
        (package / f"part{number}.py").write_text(text)
    parts = "".join(f"from heavy import part{number}\n" for number in range(_MODULES))
    (package / "__init__.py").write_text(parts)


def _import_ms(app: Path) -> float:
    """The least of some tries, with bytecode in place."""
    code = "import time; t = time.perf_counter(); import heavy; print(time.perf_counter() - t)"
    found = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=app)) for _ in range(6)
    ]
    return min(found[1:]) * 1000


def resting(name: str, *, image: str, way: str) -> dict[str, Any]:
    """Return a Knative Service that rests in that way: ``gone``, ``frozen`` or ``zygote``."""
    made = hello(name, image=image)
    marks = made["spec"]["template"]["metadata"]["annotations"]
    marks[f"{OWN}at-zero"] = way
    marks["autoscaling.knative.dev/window"] = "2s"
    return made


async def until_resting(platform: Platform, name: str, way: str, *, seconds: float = 120) -> None:
    """Return once nothing serves, and what is to be kept is kept."""

    async def rests() -> bool:
        pods = await platform.pods(name)
        if way == "gone":
            return not pods
        if len(pods) != 1 or pods[0]["metadata"].get("deletionTimestamp"):
            return False
        marks = pods[0]["metadata"].get("annotations", {})
        if way == "frozen":
            return "node.wakeful.dev/frozen" in marks and not _is_ready(pods[0])
        told = marks.get("node.wakeful.dev/zygote", "")
        return "node.wakeful.dev/parked" in marks and "imported in" in told

    await until(rests, seconds=seconds, what=f"{name} is at zero, {way}")


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


async def wakes(
    platform: Platform, services: Sequence[tuple[str, str]], rounds: int
) -> dict[str, list[float]]:
    """Wake each service once a round; return milliseconds to the first byte, by name."""
    found: dict[str, list[float]] = {name: [] for name, _ in services}
    for _ in range(rounds):
        for name, way in services:
            await until_resting(platform, name, way)
        await asyncio.sleep(1.0)  # the platform is to be idle, not just done
        for name, _ in services:
            found[name].append(ask(platform, name))
            await asyncio.sleep(0.5)  # so that the wake before is over
    return found


def ask(platform: Platform, name: str) -> float:
    """Ask once; return milliseconds to the first byte."""
    answer = first_byte(platform.address, f"{name}.default.localhost")
    if answer.status != 200:
        raise FailedError(f"{name} answered {answer.status}")
    return answer.seconds * 1000


def phases(platform: Platform, name: str, phase: str) -> list[float]:
    """Return what a phase took in the last cold starts of a service, in milliseconds."""
    report = json.loads(platform.wakeful("explain", "ksvc", name, "-o", "json"))
    (revision,) = report if isinstance(report, list) else [report]
    return [start["phases"][phase] for start in revision["coldStarts"] if phase in start["phases"]]


def warm(platform: Platform, name: str, count: int) -> list[float]:
    """Ask an instance that runs."""
    ask(platform, name)
    taken = []
    for _ in range(count):
        taken.append(ask(platform, name))
        time.sleep(0.02)
    return taken
