"""The command line that every benchmark has."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from harness import machine
from harness.figures import Report, show

RESULTS = Path(__file__).resolve().parents[1] / "results"

Measure = Callable[[argparse.Namespace], Coroutine[Any, Any, Report]]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options all benchmarks have."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--quick", action="store_true", help="fewer repetitions")
    made.add_argument("--use", type=Path, metavar="DIR", help="a platform that runs already")
    made.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    made.add_argument("--quiet", action="store_true", help="write the figures, print nothing")
    return made


def main(name: str, made: argparse.ArgumentParser, measure: Measure) -> None:
    """Measure, show, save; exit with 1 when a bar is missed."""
    options = made.parse_args()
    before = machine.describe()
    report = asyncio.run(measure(options))
    report.notes.append(f"before: {before}; after: {machine.describe()}")
    report.save(options.json or RESULTS / f"{name}.json")
    if not options.quiet:
        show([report])
    sys.exit(0 if report.kept else 1)
