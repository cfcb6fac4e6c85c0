"""Averages over a sliding window of one-second buckets.

A bucket holds the sum of what was recorded in its second. Several writers may therefore share a
window (instances and the gate each report their part of the same second), and a second nobody
reported counts as zero as long as it lies between two that were.
"""

from __future__ import annotations

import math
from enum import StrEnum

GRANULARITY_SECONDS = 1.0

_MIN_COEFFICIENT = 0.2
_WEIGHT_PRECISION = 0.9999
_DIGITS = 1e6


class Aggregation(StrEnum):
    """How the buckets of a window become one number."""

    LINEAR = "linear"
    WEIGHTED_EXPONENTIAL = "weighted-exponential"


def _bucket_count(window_seconds: float) -> int:
    return max(1, math.ceil(window_seconds / GRANULARITY_SECONDS))


def _index(now: float) -> int:
    return math.floor(now / GRANULARITY_SECONDS)


def panic_window_seconds(stable_window_seconds: float, percentage: float) -> float:
    """The short window, a share of the long one in whole seconds, and at least one of them."""
    return max(GRANULARITY_SECONDS, math.floor(stable_window_seconds * percentage / 100 + 0.5))


class Window:
    """The linear average: every second of the window weighs the same.

    A young window averages over its life so far, not over the seconds before the first write;
    seconds after the last write are left out rather than taken for zero. After a whole window
    without a write the average is 0, and the next write starts a new life.
    """

    def __init__(self, window_seconds: float) -> None:
        self.window_seconds = window_seconds
        self._buckets = [0.0] * _bucket_count(window_seconds)
        self._first: int | None = None
        self._last: int | None = None
        self._unlived = 0.0
        """The part of the first second that had passed before there was anything to record."""

    def record(self, now: float, value: float, *, lived: float = 1.0) -> None:
        """Add ``value`` to the second ``now`` falls into; too old for the window is dropped.

        A life that begins in mid-second has ``lived`` only that share of its first second, and is
        averaged over no more than that.
        """
        index, size = _index(now), len(self._buckets)
        if self._first is None or self._last is None or index - self._last >= size:
            self._buckets = [0.0] * size
            self._first = self._last = index
            self._unlived = 1.0 - lived
        elif index > self._last:
            for skipped in range(self._last + 1, index + 1):
                self._buckets[skipped % size] = 0.0
            self._last = index
        elif index <= self._last - size:
            return
        elif index < self._first:
            self._first, self._unlived = index, 0.0
        self._buckets[index % size] += value

    def is_empty(self, now: float) -> bool:
        """Whether the window holds nothing.

        Upstream calls a window of exactly its length in silence not empty yet, of value 0; a
        decision that fell into that second would be made from nothing.
        """
        return self._last is None or _index(now) - self._last >= len(self._buckets)

    def average(self, now: float) -> float:
        """The window's value at ``now``, rounded to six digits; 0 when it holds nothing."""
        if self._first is None or self._last is None:
            return 0.0
        size = len(self._buckets)
        silent = max(0, _index(now) - self._last)
        if silent >= size:
            return 0.0
        valid = min(self._last - self._first + 1 - self._unlived, size - silent)
        total = math.fsum(self._recent(size - silent))
        return math.floor(total / valid * _DIGITS + 0.5) / _DIGITS

    def resize(self, window_seconds: float, now: float) -> None:
        """Change the length and keep the newest buckets that fit."""
        if window_seconds == self.window_seconds:
            return
        size = _bucket_count(window_seconds)
        kept: list[float] = []
        if self._last is None or self.is_empty(now):
            self._first = self._last = None
        else:
            kept = self._recent(min(size, len(self._buckets)))
        self.window_seconds = window_seconds
        self._buckets = [0.0] * size
        if self._last is not None and self._first is not None:
            for age, value in enumerate(kept):
                self._buckets[(self._last - age) % size] = value
            oldest = self._last - len(kept) + 1
            if oldest > self._first:
                self._first, self._unlived = oldest, 0.0

    def _recent(self, count: int) -> list[float]:
        """The ``count`` newest buckets up to the last write, newest first."""
        assert self._last is not None
        size = len(self._buckets)
        return [self._buckets[(self._last - age) % size] for age in range(count)]


class WeightedWindow(Window):
    """The exponential average: the newest second weighs most, the oldest next to nothing.

    The coefficient is chosen so that the weights of a full window add up to 0.9999, but is at
    least 0.2: very long windows would otherwise come out as the plain average.
    """

    def __init__(self, window_seconds: float) -> None:
        super().__init__(window_seconds)
        self._coefficient = _smoothing_coefficient(len(self._buckets))

    def average(self, now: float) -> float:
        """The weighted value at ``now``; seconds of silence weigh in as zeros."""
        if self._last is None or self.is_empty(now):
            return 0.0
        silent = max(0, _index(now) - self._last)
        keep = 1 - self._coefficient
        weight = self._coefficient * keep**silent
        total = 0.0
        for value in self._recent(max(0, len(self._buckets) - silent)):
            total += value * weight
            weight *= keep
        return total

    def resize(self, window_seconds: float, now: float) -> None:
        """Change the length, and the weights with it."""
        super().resize(window_seconds, now)
        self._coefficient = _smoothing_coefficient(len(self._buckets))


def _smoothing_coefficient(buckets: int) -> float:
    return max(1 - math.pow(1 - _WEIGHT_PRECISION, 1 / buckets), _MIN_COEFFICIENT)


def make_window(window_seconds: float, aggregation: Aggregation) -> Window:
    """A window of the kind asked for."""
    if aggregation is Aggregation.WEIGHTED_EXPONENTIAL:
        return WeightedWindow(window_seconds)
    return Window(window_seconds)
