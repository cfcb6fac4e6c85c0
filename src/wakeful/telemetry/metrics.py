"""Figures at one moment, named and measured as OpenTelemetry does, and the texts they become.

Not for counting: whoever knows a figure gives it when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import Metric as PrometheusMetric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SUFFIXES = {"s": "_seconds"}
_TEMPORALITY_CUMULATIVE = 2
_SCOPES, _METRICS = 2, 2
"""Numbers of fields that were renamed from one version of the definitions to the next."""


class Kind(StrEnum):
    """What the points of a metric are."""

    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    """Distributions without buckets."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How often something happened, and how much it was.

    ``counts`` says it by size, and has one more than ``bounds``.
    """

    count: int
    total: float
    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One figure. A whole number is sent as such."""

    attributes: Mapping[str, str]
    value: float | Distribution


@dataclass(frozen=True, slots=True)
class Metric:
    """Figures of one meaning; ``unit`` is UCUM's."""

    name: str
    description: str
    points: Sequence[Point]
    unit: str = ""
    kind: Kind = Kind.GAUGE
    scope: str = ""
    """Who measures."""
    since: float = 0.0
    """When distributions began to be counted, in seconds since 1970; 0 is unknown."""

    @property
    def prometheus_name(self) -> str:
        """As OpenTelemetry's exporter for Prometheus writes it."""
        return self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "")


def write_exposition(metrics: Iterable[Metric]) -> bytes:
    """The text that a scrape is answered with."""
    # Loaded by the first scrape: most platforms never see one.
    from prometheus_client import CollectorRegistry, generate_latest

    found = [metric for metric in metrics if metric.points]

    class Collected:
        def collect(self) -> Iterator[PrometheusMetric]:
            return map(_family, found)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return generate_latest(registry)


def _family(metric: Metric) -> PrometheusMetric:
    from prometheus_client.core import (
        GaugeMetricFamily,
        HistogramMetricFamily,
        SummaryMetricFamily,
    )

    names = list(metric.points[0].attributes)
    labels = [name.replace(".", "_") for name in names]
    about = (metric.prometheus_name, metric.description)
    gauges = GaugeMetricFamily(*about, labels=labels)
    histograms = HistogramMetricFamily(*about, labels=labels)
    summaries = SummaryMetricFamily(*about, labels=labels)
    for point in metric.points:
        values = [point.attributes[name] for name in names]
        value = point.value
        if not isinstance(value, Distribution):
            gauges.add_metric(values, value)
        elif metric.kind is Kind.SUMMARY:
            summaries.add_metric(values, value.count, value.total)
        else:
            bounds = [*(str(bound) for bound in value.bounds), "+Inf"]
            buckets = list(zip(bounds, accumulate(value.counts), strict=True))
            histograms.add_metric(values, buckets, value.total)
    families = {Kind.GAUGE: gauges, Kind.HISTOGRAM: histograms, Kind.SUMMARY: summaries}
    return families[metric.kind]


def encode_metrics(metrics: Iterable[Metric], resource: Mapping[str, str], now: float) -> bytes:
    """An ``ExportMetricsServiceRequest``; ``now`` is in seconds since 1970."""
    # Loaded by the first push: most platforms never make one.
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    request = metrics_service_pb2.ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    _put_attributes(group.resource.attributes, resource)
    scopes: dict[str, Any] = {}
    for metric in metrics:
        if not metric.points:
            continue
        if metric.scope not in scopes:
            scopes[metric.scope] = scope = _numbered(group, _SCOPES).add()
            _numbered(scope, 1).name = metric.scope
        _encode(metric, _numbered(scopes[metric.scope], _METRICS).add(), now)
    body: bytes = request.SerializeToString()
    return body


def _numbered(message: Any, number: int) -> Any:
    return getattr(message, message.DESCRIPTOR.fields_by_number[number].name)


def _put_attributes(field: Any, attributes: Mapping[str, str]) -> None:
    for key, value in attributes.items():
        field.add(key=key).value.string_value = value


def _encode(metric: Metric, target: Any, now: float) -> None:
    target.name, target.description, target.unit = metric.name, metric.description, metric.unit
    for point in metric.points:
        value = point.value
        if isinstance(value, Distribution):
            target.histogram.aggregation_temporality = _TEMPORALITY_CUMULATIVE
            made = target.histogram.data_points.add(
                count=value.count,
                bucket_counts=value.counts or (value.count,),
                explicit_bounds=value.bounds,
                start_time_unix_nano=round(metric.since * 1e9),
            )
            made.sum = value.total
        elif isinstance(value, int):
            made = target.gauge.data_points.add(as_int=value)
        else:
            made = target.gauge.data_points.add(as_double=value)
        made.time_unix_nano = round(now * 1e9)
        _put_attributes(made.attributes, point.attributes)
