"""Recorded load traces with the decisions that the formulas make of them.

``scaling_traces.jsonl`` has one trace a line: knobs as users write them, the load second by
second, and the columns of the table of decisions tick by tick, all run-length encoded.
``record.py`` wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from scaling_reference import Reference, State

FILE = Path(__file__).with_suffix(".jsonl")
BEGIN = 50_000
TICK_SECONDS = 2

Row = tuple[int, int, int, bool] | tuple[None, None, int, bool]
"""Wanted instances and excess burst capacity (None without data), then the scale within the
limits and whether it is written."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One recording and its table."""

    name: str
    annotations: dict[str, str]
    config: dict[str, str]
    limit: int
    """containerConcurrency."""
    reachable: bool
    pods: int
    """Ready at the beginning."""
    lag: int
    """Seconds from asking for instances until they are ready."""
    concurrency: list[float | None]
    """By the second; None when the source of the load was blind."""
    requests: list[float | None]
    table: list[Row] = field(default_factory=list)

    def reference(self) -> Reference:
        """The formulas for this revision."""
        return Reference(
            self.annotations, self.config, self.limit, self.reachable, self.pods, BEGIN
        )

    def to_json(self) -> str:
        """One line of the file."""
        data: dict[str, Any] = {
            "name": self.name,
            "annotations": self.annotations,
            "config": self.config,
            "limit": self.limit,
            "reachable": self.reachable,
            "pods": self.pods,
            "lag": self.lag,
            "concurrency": runs(self.concurrency),
            "table": [runs(column) for column in zip(*self.table, strict=True)],
        }
        if self.requests != self.concurrency:
            data["requests"] = runs(self.requests)
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Trace:
        """The opposite of :meth:`to_json`."""
        data = json.loads(line)
        data["concurrency"] = list(unrolled(data["concurrency"]))
        requests = data.pop("requests", None)
        data["requests"] = data["concurrency"] if requests is None else list(unrolled(requests))
        columns = [list(unrolled(column)) for column in data["table"]]
        data["table"] = [tuple(row) for row in zip(*columns, strict=True)]
        return cls(**data)


def load_traces() -> list[Trace]:
    """All of them."""
    return [Trace.from_json(line) for line in FILE.read_text().splitlines()]


def runs(values: Sequence[Any]) -> list[Any]:
    """Each value with how often it comes in a row: ``[value, count, value, count, ...]``."""
    return [part for value, same in groupby(values) for part in (value, len(list(same)))]


def unrolled(coded: Sequence[Any]) -> Iterator[Any]:
    """The opposite of :func:`runs`."""
    for value, count in zip(coded[::2], coded[1::2], strict=True):
        yield from [value] * count


@dataclass(slots=True)
class World:
    """Instances that come ``lag`` seconds after they were asked for, and what follows from that.

    It obeys the rows of a table, never the decisions that are being compared with them.
    """

    lag: int
    active_from: int
    pods: int
    asked: int = 0
    activity: str = "True"
    since: int = BEGIN
    initialized: bool = False
    proxied_since: int | None = None
    coming: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.asked = self.pods
        self.activity = "True" if self.pods else "False"

    @classmethod
    def of(cls, trace: Trace) -> World:
        """As a trace begins."""
        return cls(trace.lag, trace.reference().active_from, trace.pods)

    @property
    def state(self) -> State:
        return State(self.activity, self.since, self.initialized, self.proxied_since)

    def pass_second(self, now: int) -> None:
        """Let those come who are due."""
        for at, pods in self.coming:
            if at <= now:
                self.pods = min(pods, self.asked)
        self.coming = [(at, pods) for at, pods in self.coming if at > now]
        if self.pods >= max(1, self.active_from):
            self.initialized = True

    def follow(self, now: int, row: Row) -> None:
        """Do as a row says."""
        _, excess, want, apply = row
        if apply and want != self.asked:
            self.asked = want
            self.pods = min(self.pods, want)
            self.coming.append((now + self.lag, want))
        activity = self.activity
        if want == 0:
            activity = "False"
        elif want > 0:
            activity = "True" if self.pods else "Unknown"
        if activity != self.activity:
            self.activity, self.since = activity, now
        if want > 0 and (excess is None or excess >= 0):
            self.proxied_since = None
        elif self.proxied_since is None:
            self.proxied_since = now

    def feels(self, value: float | None) -> bool:
        """Whether anything is reported for a second."""
        return value is not None and (self.pods > 0 or value > 0)


def seconds_of(trace: Trace) -> Iterable[tuple[int, float | None, float | None]]:
    """The clock, and the load in that second."""
    for second, (carried, asked) in enumerate(zip(trace.concurrency, trace.requests, strict=True)):
        yield BEGIN + second, carried, asked


def make_table(trace: Trace) -> list[Row]:
    """Run the formulas over a trace."""
    reference, world = trace.reference(), World.of(trace)
    table: list[Row] = []
    wish = -1
    for now, carried, asked in seconds_of(trace):
        world.pass_second(now)
        if carried is not None and asked is not None and world.feels(carried):
            reference.concurrency[now] = carried
            reference.requests[now] = asked
        if now % TICK_SECONDS:
            continue
        answer = reference.tick(now, world.pods)
        if answer is not None:
            wish = answer[0]
        want, apply = reference.bounded(wish, world.state, now)
        row: Row = (None, None, want, apply) if answer is None else (*answer, want, apply)
        table.append(row)
        world.follow(now, row)
    return table
