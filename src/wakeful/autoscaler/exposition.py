"""What the autoscaler thinks, as figures that others read.

Names, attributes, units and meanings are those of Knative's autoscaler; a gauge that nothing is
known for yet is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wakeful.autoscaler.coldstart import BUCKETS_SECONDS, ColdStartTotals
from wakeful.autoscaler.scaling import Decision
from wakeful.autoscaler.spec import ScalingMetric
from wakeful.telemetry.metrics import Distribution, Kind, Metric, Point

_SCOPE = "knative.dev/serving/pkg/autoscaler"
_OWN_SCOPE = "wakeful"


@dataclass(frozen=True, slots=True)
class PodCounts:
    """Instances of one revision by the state they are in, as Knative counts them."""

    ready: int = 0
    not_ready: int = 0
    """All others; those that are pending or end are in here, too."""
    pending: int = 0
    terminating: int = 0


@dataclass(frozen=True, slots=True)
class ScalingFigures:
    """One revision at one moment."""

    namespace: str
    service: str
    configuration: str
    revision: str
    pods: PodCounts
    requested: int | None = None
    """Instances it should have after limits and delays; None while nothing was decided."""
    decision: Decision | None = None
    cold_starts: ColdStartTotals | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """What Knative says of a revision with each of its figures."""
        return {
            "k8s.namespace.name": self.namespace,
            "kn.service.name": self.service,
            "kn.configuration.name": self.configuration,
            "kn.revision.name": self.revision,
        }


def scaling_metrics(figures: Iterable[ScalingFigures]) -> list[Metric]:
    """Everything that is known, by name."""
    revisions = list(figures)
    gauges: dict[str, Metric] = {}
    points: dict[str, list[Point]] = {}
    for one in revisions:
        for name, unit, meaning, value in _values(one):
            if name not in gauges:
                points[name] = []
                gauges[name] = Metric(name, meaning, points[name], unit, scope=_SCOPE)
            points[name].append(Point(one.attributes, value))
    return [*(gauges[name] for name in sorted(gauges)), *_cold_starts(revisions)]


def _cold_starts(figures: Iterable[ScalingFigures]) -> Iterator[Metric]:
    """Figures of our own: Knative has none of these."""
    whole: list[Point] = []
    phases: list[Point] = []
    for one in figures:
        totals = one.cold_starts
        if totals is None:
            continue
        counts = tuple(totals.buckets)
        spent = Distribution(sum(counts), totals.seconds, BUCKETS_SECONDS, counts)
        whole.append(Point(one.attributes, spent))
        for mark, (count, seconds) in totals.phases.items():
            attributes = {**one.attributes, "phase": mark.value}
            phases.append(Point(attributes, Distribution(count, seconds)))
    meaning = "What requests at zero waited for an instance"
    yield Metric("wakeful.cold_start", meaning, whole, "s", Kind.HISTOGRAM, _OWN_SCOPE)
    meaning = "The parts of that wait"
    yield Metric("wakeful.cold_start.phase", meaning, phases, "s", Kind.SUMMARY, _OWN_SCOPE)


def _values(one: ScalingFigures) -> Iterator[tuple[str, str, str, float]]:
    """Name, unit, meaning and value of each gauge."""
    pods, prefix = one.pods, "kn.revision.pods"
    if one.requested is not None:
        yield f"{prefix}.requested", "{pod}", "Instances that are asked for", one.requested
    yield f"{prefix}.count", "{pod}", "Instances that are ready", pods.ready
    yield f"{prefix}.not_ready.count", "{pod}", "Instances that are not ready", pods.not_ready
    yield f"{prefix}.pending.count", "{pod}", "Instances that do not run yet", pods.pending
    yield f"{prefix}.terminating.count", "{pod}", "Instances that are ending", pods.terminating
    if one.decision is None:
        return
    desired = one.decision.desired
    yield f"{prefix}.desired", "{item}", "Instances that the load calls for", desired
    yield from _load(one.decision)


def _load(decision: Decision) -> Iterator[tuple[str, str, str, float]]:
    load, rates = decision.load, decision.spec.metric is ScalingMetric.RPS
    what = "Requests a second" if rates else "Requests at a time"
    prefix = f"kn.revision.{'rps' if rates else 'concurrency'}"
    unit = "{request}/s" if rates else "{concurrency}"
    yield (
        "kn.revision.capacity.excess",
        "{concurrency}",
        "Room that is left beyond the load and the burst to be ready for",
        float(decision.excess_burst_capacity),
    )
    yield "kn.revision.panic.mode", "", "1 while in panic", int(decision.panicking)
    averaged = f"{what}, averaged over the"
    yield f"{prefix}.stable", unit, f"{averaged} stable window", float(load.stable)
    yield f"{prefix}.panic", unit, f"{averaged} panic window", float(load.panic)
    target = f"{what} that each instance is meant for"
    yield f"{prefix}.target", unit, target, float(decision.spec.target_value)
