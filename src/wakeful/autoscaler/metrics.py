"""The recent load of one revision, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from wakeful.apimachinery.meta import NamespacedName
from wakeful.autoscaler.aggregation import Aggregation, make_window
from wakeful.autoscaler.spec import ScalingMetric, ScalingSpec


@dataclass(frozen=True, slots=True)
class LoadSample:
    """What a revision carried since the previous sample."""

    concurrency: float
    """Requests in flight, averaged over the time between; those held at the gate included."""
    requests: float
    """Requests that began in that time, each counted once."""
    unseen_seconds: float = 0.0
    """The end of that time from which nothing is known yet; ``concurrency`` takes it for idle."""


IDLE = LoadSample(0.0, 0.0)


class LoadSource(Protocol):
    """Whoever sees the requests: the gateway, from Envoy's reports and the gate's own count."""

    def collect(self) -> Mapping[NamespacedName, LoadSample] | None:
        """Take what has happened since the last call, about once a second.

        Revisions that carried nothing may be left out; they count as idle. ``None`` means that
        the source is blind right now (Envoy is restarting, say): then nothing is recorded for
        anybody, and no revision is put to sleep for want of news.
        """
        ...


class Poke(Protocol):
    """How the gate asks for an instance without waiting for the next sample."""

    def poke(self, namespace: str, revision: str) -> None:
        """A request for ``revision`` is held and nobody can take it.

        Returns at once and never fails; an unknown revision is ignored, a repeated call is cheap.
        """
        ...


@dataclass(frozen=True, slots=True)
class WindowLoad:
    """The two averages a decision is made from."""

    stable: float
    panic: float


class RevisionMetrics:
    """Concurrency and request rate of one revision over its stable and its panic window."""

    def __init__(
        self, stable_window_seconds: float, panic_window_seconds: float, aggregation: Aggregation
    ) -> None:
        self._concurrency = make_window(stable_window_seconds, aggregation)
        self._concurrency_panic = make_window(panic_window_seconds, aggregation)
        self._rps = make_window(stable_window_seconds, aggregation)
        self._rps_panic = make_window(panic_window_seconds, aggregation)

    @classmethod
    def for_spec(cls, spec: ScalingSpec) -> RevisionMetrics:
        """Windows as long as the revision wants them."""
        return cls(spec.stable_window_seconds, spec.panic_window_seconds, spec.aggregation)

    def record(self, now: float, sample: LoadSample, *, lived: float = 1.0) -> None:
        """Add what was carried in the second ``now`` falls into.

        The concurrency of a revision that woke in mid-second is averaged over the part of it that
        it has ``lived``: fifty at once shortly before a second ends are fifty, not two and a half.
        A rate needs a whole second to be one.
        """
        self._concurrency.record(now, sample.concurrency, lived=lived)
        self._concurrency_panic.record(now, sample.concurrency, lived=lived)
        self._rps.record(now, sample.requests)
        self._rps_panic.record(now, sample.requests)

    def load(
        self, metric: ScalingMetric, now: float, *, absence_is_zero: bool = False
    ) -> WindowLoad | None:
        """The averages at ``now``; None when there is no data, and so nothing to decide from.

        ``absence_is_zero`` is for revisions that always have the gate in their path: what the
        gate did not see did not happen.
        """
        stable, panic = (
            (self._rps, self._rps_panic)
            if metric is ScalingMetric.RPS
            else (self._concurrency, self._concurrency_panic)
        )
        if stable.is_empty(now) and not absence_is_zero:
            return None
        return WindowLoad(stable.average(now), panic.average(now))

    def resize(self, stable_window_seconds: float, panic_window_seconds: float, now: float) -> None:
        """Change the windows' lengths and keep what fits."""
        self._concurrency.resize(stable_window_seconds, now)
        self._concurrency_panic.resize(panic_window_seconds, now)
        self._rps.resize(stable_window_seconds, now)
        self._rps_panic.resize(panic_window_seconds, now)
