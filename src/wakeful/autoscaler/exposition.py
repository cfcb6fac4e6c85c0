"""What the autoscaler thinks, as metrics that Prometheus reads.

Names, labels and meanings are those of Knative's autoscaler, as its Prometheus exporter writes
them; a gauge that nothing is known for yet is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from wakeful.autoscaler.coldstart import BUCKETS_SECONDS, ColdStartTotals
from wakeful.autoscaler.scaling import Decision
from wakeful.autoscaler.spec import ScalingMetric

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = ("k8s_namespace_name", "kn_service_name", "kn_configuration_name", "kn_revision_name")


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
    def labels(self) -> tuple[str, str, str, str]:
        """In the order of the labels' names."""
        return self.namespace, self.service, self.configuration, self.revision


def write_exposition(figures: Iterable[ScalingFigures]) -> bytes:
    """The text that a scrape is answered with."""
    revisions = list(figures)
    # Loaded by the first scrape: most platforms never see one.
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily

    gauges: dict[str, GaugeMetricFamily] = {}
    for one in revisions:
        for name, meaning, value in _values(one):
            gauge = gauges.get(name)
            if gauge is None:
                gauge = gauges[name] = GaugeMetricFamily(name, meaning, labels=_LABELS)
            gauge.add_metric(one.labels, value)

    class Gauges:
        def collect(self) -> Iterator[Metric]:
            yield from (gauges[name] for name in sorted(gauges))
            yield from _cold_starts(revisions)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Gauges())
    return generate_latest(registry)


def _cold_starts(figures: Iterable[ScalingFigures]) -> Iterator[Metric]:
    """Metrics of our own: Knative has none of these."""
    from prometheus_client.core import HistogramMetricFamily, SummaryMetricFamily

    whole = HistogramMetricFamily(
        "wakeful_cold_start_seconds",
        "What requests at zero waited for an instance",
        labels=_LABELS,
    )
    phases = SummaryMetricFamily(
        "wakeful_cold_start_phase_seconds",
        "The parts of that wait",
        labels=(*_LABELS, "phase"),
    )
    for one in figures:
        totals = one.cold_starts
        if totals is None:
            continue
        bounds = [*(str(bound) for bound in BUCKETS_SECONDS), "+Inf"]
        counts = list(accumulate(totals.buckets))
        whole.add_metric(one.labels, list(zip(bounds, counts, strict=True)), totals.seconds)
        for mark, (count, seconds) in totals.phases.items():
            phases.add_metric((*one.labels, mark.value), count, seconds)
    yield from (family for family in (whole, phases) if family.samples)


def _values(one: ScalingFigures) -> Iterator[tuple[str, str, float]]:
    pods = one.pods
    if one.requested is not None:
        yield "kn_revision_pods_requested", "Instances that are asked for", one.requested
    yield "kn_revision_pods_count", "Instances that are ready", pods.ready
    yield "kn_revision_pods_not_ready_count", "Instances that are not ready", pods.not_ready
    yield "kn_revision_pods_pending_count", "Instances that do not run yet", pods.pending
    yield "kn_revision_pods_terminating_count", "Instances that are ending", pods.terminating
    decision = one.decision
    if decision is None:
        return
    load, rates = decision.load, decision.spec.metric is ScalingMetric.RPS
    what = "Requests a second" if rates else "Requests at a time"
    prefix = f"kn_revision_{'rps' if rates else 'concurrency'}"
    yield "kn_revision_pods_desired", "Instances that the load calls for", decision.desired
    yield (
        "kn_revision_capacity_excess",
        "Room that is left beyond the load and the burst to be ready for",
        decision.excess_burst_capacity,
    )
    yield "kn_revision_panic_mode", "1 while in panic", float(decision.panicking)
    yield f"{prefix}_stable", f"{what}, averaged over the stable window", load.stable
    yield f"{prefix}_panic", f"{what}, averaged over the panic window", load.panic
    yield f"{prefix}_target", f"{what} that each instance is meant for", decision.spec.target_value
