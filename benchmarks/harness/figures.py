"""Figures, their bars, and how they are shown."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the bar it has to keep if there is one."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the bar is kept; None without one."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.at_most is not None:
            return f"≤ {number(self.at_most)}"
        return "" if self.at_least is None else f"≥ {number(self.at_least)}"


@dataclass(slots=True)
class Report:
    """What one benchmark found out."""

    title: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=dict)
    """What the figures were computed from."""

    def add(
        self,
        name: str,
        value: float,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        note: str = "",
    ) -> None:
        """Add a figure."""
        self.figures.append(Figure(name, value, unit, at_most, at_least, note))

    def add_spread(
        self,
        name: str,
        values: Sequence[float],
        unit: str,
        *,
        median_at_most: float | None = None,
        p99_at_most: float | None = None,
        note: str = "",
    ) -> None:
        """Add the median and the 99th percentile of ``values``, and keep them as samples."""
        self.samples[name] = list(values)
        median, p99 = percentile(values, 50), percentile(values, 99)
        self.add(f"{name}, median", median, unit, at_most=median_at_most, note=note)
        self.add(f"{name}, p99", p99, unit, at_most=p99_at_most, note=f"of {len(values)}")

    @property
    def kept(self) -> bool:
        """Whether every bar is kept."""
        return all(figure.kept is not False for figure in self.figures)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read what :meth:`save` wrote."""
        raw: dict[str, Any] = json.loads(path.read_text())
        raw["figures"] = [Figure(**figure) for figure in raw["figures"]]
        return cls(**raw)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: always one of the values."""
    if percent == 50:
        return statistics.median(values)
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def number(value: float) -> str:
    """Write a number with as many digits as mean something."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def show(reports: Sequence[Report]) -> None:
    """Print one table of all figures, then the notes."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("")
    for heading in ("measured", "bar", ""):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=bool(heading))
    table.add_column("note", style="dim", overflow="fold")
    for report in reports:
        table.add_row(Text(report.title, style="bold"))
        for figure in report.figures:
            mark = {None: Text(), True: Text("kept", "green"), False: Text("MISSED", "bold red")}
            value = f"{number(figure.value)} {figure.unit}".rstrip()
            table.add_row(f"  {figure.name}", value, figure.bar, mark[figure.kept], figure.note)
    # Wide enough to be read from a log as well.
    console = Console(width=None if Console().is_terminal else 150, highlight=False)
    console.print(table)
    for report in reports:
        for note in report.notes:
            console.print(Text(f"{report.title}: {note}", style="dim"))
