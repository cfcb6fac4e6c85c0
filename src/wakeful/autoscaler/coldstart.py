"""What a request at zero waited for: each cold start, phase by phase.

Whoever takes a step of it puts a mark: the autoscaler when a request is held and when the scale is
written, the node when an instance runs, answers and is ready, and once more when the gateway sends
to it. The time between two marks is a phase. The first instance that is ready ends the cold start;
others that start beside it are nobody's wait.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.meta import NamespacedName

KEPT = 10
"""Cold starts remembered for each revision."""
BUCKETS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds that all cold starts of a revision are counted by."""


class Mark(StrEnum):
    """A step that was taken; its value names the phase that ends with it."""

    HELD = "held"
    """A request found nobody ready: the beginning, which ends nothing."""
    SCALED = "decision"
    """An instance was asked for."""
    RUNNING = "spawn"
    """The program runs, in its sandbox."""
    THAWED = "thaw"
    """The program, which was stopped, goes on."""
    RELEASED = "release"
    """The zygote, which had its modules imported, has the word to begin."""
    ANSWERING = "boot"
    """It answered its probe for the first time."""
    READY = "ready"
    """All probes of all containers are content."""
    PROGRAMMED = "programmed"
    """The gateway sends to it."""


_ORDER = tuple(Mark)
_OF_REVISION = frozenset({Mark.HELD, Mark.SCALED})


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One cold start: when a request was first held, and the marks so far (monotonic seconds)."""

    wall_time: float
    marks: Mapping[Mark, float]

    def phases(self, *, until: float | None = None) -> list[tuple[Mark, float]]:
        """Each phase by the mark that ends it, in seconds, in order.

        ``until`` stands for the last mark while the gateway is yet to put it.
        """
        marks = dict(self.marks)
        if until is not None:
            marks.setdefault(Mark.PROGRAMMED, until)
        found: list[tuple[Mark, float]] = []
        before = marks[Mark.HELD]
        for mark in _ORDER[1:]:
            if (at := marks.get(mark)) is not None:
                found.append((mark, max(0.0, at - before)))
                before = max(before, at)
        return found

    @property
    def seconds(self) -> float:
        """From the held request to the last mark."""
        return max(self.marks.values()) - self.marks[Mark.HELD]

    def to_wire(self) -> dict[str, Any]:
        """JSON-like: when, how long, and the phases in milliseconds."""
        return {
            "time": datetime.fromtimestamp(self.wall_time, UTC).isoformat(timespec="milliseconds"),
            "milliseconds": _milliseconds(self.seconds),
            "phases": {mark.value: _milliseconds(length) for mark, length in self.phases()},
        }


def server_timing(start: ColdStart, now: float) -> str:
    """The phases as a ``Server-Timing`` header has them, for a request that goes on ``now``."""
    return ", ".join(
        f"{mark.value};dur={_milliseconds(length):g}" for mark, length in start.phases(until=now)
    )


def explain_cold_starts(starts: tuple[ColdStart, ...]) -> list[str]:
    """A sentence about the last cold start, and one about those before it."""
    if not starts:
        return []
    last = starts[-1]
    parts = " + ".join(f"{mark.value} {_milliseconds(length):g}" for mark, length in last.phases())
    at = datetime.fromtimestamp(last.wall_time, UTC).isoformat(timespec="seconds")
    words = [f"last cold start, {at}: {_milliseconds(last.seconds):g} ms = {parts}"]
    if len(starts) > 1:
        took = sorted(_milliseconds(start.seconds) for start in starts)
        words.append(
            f"the last {len(starts)} took {took[0]:g} to {took[-1]:g} ms,"
            f" half of them at most {took[(len(took) - 1) // 2]:g} ms"
        )
    return words


@dataclass(slots=True)
class ColdStartTotals:
    """All cold starts of one revision since the control plane began."""

    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    """How many took no longer than each bound, and how many took longer than all."""
    phases: dict[Mark, tuple[int, float]] = field(default_factory=dict)
    """How often there was each phase, and its seconds in all."""

    def add(self, start: ColdStart) -> None:
        """Count one more."""
        self.count += 1
        self.seconds += start.seconds
        self.buckets[bisect_left(BUCKETS_SECONDS, start.seconds)] += 1
        for mark, length in start.phases():
            count, seconds = self.phases.get(mark, (0, 0.0))
            self.phases[mark] = (count + 1, seconds + length)


@dataclass(slots=True)
class _UnderWay:
    wall_time: float
    marks: dict[Mark, float]
    instances: dict[str, dict[Mark, float]] = field(default_factory=dict)
    ready: ColdStart | None = None
    """Up to its first ready instance, whose name is ``first``."""
    first: str = ""


class ColdStarts:
    """The cold start under way of each revision, and the last that ended.

    Marks are put on one event loop; :meth:`ready` may be asked from any thread.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._under_way: dict[NamespacedName, _UnderWay] = {}
        self._ended: dict[NamespacedName, deque[ColdStart]] = {}
        self._totals: dict[NamespacedName, ColdStartTotals] = {}

    def held(self, key: NamespacedName) -> None:
        """A request waits for a first instance; a start that came to nothing is forgotten."""
        now = self._clock.monotonic()
        self._under_way[key] = _UnderWay(self._clock.now().timestamp(), {Mark.HELD: now})

    def note(self, key: NamespacedName, mark: Mark, instance: str = "") -> None:
        """Put a mark, of the revision or of one of its instances; nothing while nobody waits.

        A mark put twice is that of the later step: the last container to run, for example.
        """
        start = self._under_way.get(key)
        if start is None:
            return
        now = self._clock.monotonic()
        if mark in _OF_REVISION:
            start.marks.setdefault(mark, now)
        elif start.ready is None:
            marks = start.instances.setdefault(instance, {})
            marks[mark] = now
            if mark is Mark.READY:
                start.ready = ColdStart(start.wall_time, start.marks | marks)
                start.first = instance
        elif mark is Mark.PROGRAMMED and instance == start.first:
            self._end(key, start.ready, now)

    def ready(self, key: NamespacedName) -> ColdStart | None:
        """The cold start whose instance is ready while requests still wait for it to be sent to."""
        start = self._under_way.get(key)
        return start.ready if start is not None else None

    def recent(self, key: NamespacedName) -> tuple[ColdStart, ...]:
        """The last ones, oldest first."""
        return tuple(self._ended.get(key, ()))

    def totals(self, key: NamespacedName) -> ColdStartTotals | None:
        """All of them counted; None when there was none."""
        return self._totals.get(key)

    def forget(self, key: NamespacedName) -> None:
        """The revision is gone."""
        self._totals.pop(key, None)
        self._under_way.pop(key, None)
        self._ended.pop(key, None)

    def _end(self, key: NamespacedName, ready: ColdStart, now: float) -> None:
        del self._under_way[key]
        ended = ColdStart(ready.wall_time, {**ready.marks, Mark.PROGRAMMED: now})
        self._ended.setdefault(key, deque(maxlen=KEPT)).append(ended)
        self._totals.setdefault(key, ColdStartTotals()).add(ended)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
