"""Every benchmark, one after the other, each on a platform of its own; one table at the end."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from harness import machine
from harness.cli import RESULTS
from harness.figures import Report, show
from rich.console import Console

HERE = Path(__file__).resolve().parent
BENCHMARKS: dict[str, tuple[str, list[str]]] = {
    "cold_start": ("cold_start", []),
    "frozen": ("frozen", []),
    "zygote": ("zygote", []),
    "burst": ("burst", []),
    "apply_ready": ("apply_ready", []),
    "book_load": ("book_load", []),
    "concurrency_queue": ("concurrency_queue", []),
    "idle": ("idle", []),
    "many_services": ("many_services", []),
    "kill_control_plane": ("kill_control_plane", []),
    "restart": ("restart", []),
    "gateway_warm": ("gateway_warm", []),
    "gate_path": ("gate_path", []),
    "warm_platform": ("warm_platform", []),
    "api": ("api", []),
    "edges": ("edges", []),
    "pipelines": ("pipelines", []),
    "eventing_throughput": ("eventing_throughput", []),
    "eventing_kill": ("eventing_kill", []),
}
SLOW = frozenset({"many_services", "restart"})
"""Left out by ``--quick``."""


def main() -> int:
    """Run them; return 1 when one missed a bar or failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    options = parser.parse_args()
    unknown = set(options.only) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    console = Console(highlight=False)
    console.print(f"[dim]{machine.describe()}[/dim]")
    chosen = options.only or [n for n in BENCHMARKS if not options.quick or n not in SLOW]
    reports: list[Report] = []
    failed: list[str] = []
    for name in chosen:
        script, extra = BENCHMARKS[name]
        target = RESULTS / f"{name}.json"
        target.unlink(missing_ok=True)
        command = [sys.executable, str(HERE / f"{script}.py"), *extra, "--json", str(target)]
        with console.status(f"{name} ..."):
            done = subprocess.run(
                [*command, "--quiet", *(["--quick"] if options.quick else [])],
                capture_output=True,
                text=True,
                check=False,
            )
        if target.exists():
            reports.append(Report.load(target))
            console.print(f"{name}: {'kept' if reports[-1].kept else 'missed a bar'}")
        else:
            failed.append(name)
            console.print(f"[red]{name} failed[/red]\n{done.stderr[-2000:]}", markup=True)
    show(reports)
    if failed:
        console.print(f"[bold red]failed: {', '.join(failed)}[/bold red]")
    return 1 if failed or not all(report.kept for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
