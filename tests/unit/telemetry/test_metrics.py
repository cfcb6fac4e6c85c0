"""Figures as Prometheus and OpenTelemetry read them."""

from __future__ import annotations

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from prometheus_client.parser import text_string_to_metric_families

from wakeful.telemetry.metrics import (
    Distribution,
    Kind,
    Metric,
    Point,
    encode_metrics,
    write_exposition,
)

WHO = {"kn.revision.name": "cart-1"}
PODS = Metric("kn.revision.pods.count", "Ready", [Point(WHO, 3)], "{pod}", scope="autoscaler")
TARGET = Metric("kn.revision.concurrency.target", "Wish", [Point(WHO, 0.7)], scope="autoscaler")
TOOK = Metric(
    "kn.serving.invocation.duration",
    "Took",
    [Point(WHO, Distribution(3, 1.5, (0.1, 1.0), (1, 1, 1)))],
    "s",
    Kind.HISTOGRAM,
    "queue",
    since=5.0,
)
PHASES = Metric("wakeful.cold_start.phase", "Parts", [Point(WHO, Distribution(2, 0.25))], "s")
UNKNOWN = Metric("kn.revision.request.queued", "Nobody", [])


def test_prometheus_reads_names_with_units_and_buckets() -> None:
    text = write_exposition([PODS, TOOK, UNKNOWN]).decode()
    found = {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels["kn_revision_name"] == "cart-1"
    }
    name = "kn_serving_invocation_duration_seconds"
    assert found == {
        ("kn_revision_pods_count", ""): 3,
        (f"{name}_bucket", "0.1"): 1,
        (f"{name}_bucket", "1.0"): 2,
        (f"{name}_bucket", "+Inf"): 3,
        (f"{name}_count", ""): 3,
        (f"{name}_sum", ""): 1.5,
    }


def test_opentelemetry_reads_what_was_measured_and_by_whom() -> None:
    body = encode_metrics([PODS, TARGET, TOOK, PHASES, UNKNOWN], {"service.name": "me"}, 10.0)
    request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(body)
    (group,) = request.resource_metrics
    assert group.resource.attributes[0].value.string_value == "me"
    scopes = group.instrumentation_library_metrics
    assert [scope.instrumentation_library.name for scope in scopes] == ["autoscaler", "queue", ""]
    pods, target = scopes[0].metrics
    (point,) = pods.gauge.data_points
    assert (pods.name, pods.unit, point.as_int) == ("kn.revision.pods.count", "{pod}", 3)
    assert (point.attributes[0].key, point.time_unix_nano) == ("kn.revision.name", 10_000_000_000)
    assert target.gauge.data_points[0].as_double == 0.7
    (took,) = scopes[1].metrics
    assert took.histogram.aggregation_temporality == 2
    (point,) = took.histogram.data_points
    assert (point.count, point.sum, list(point.bucket_counts)) == (3, 1.5, [1, 1, 1])
    assert list(point.explicit_bounds) == [0.1, 1.0]
    assert point.start_time_unix_nano == 5_000_000_000
    (phases,) = scopes[2].metrics
    assert list(phases.histogram.data_points[0].bucket_counts) == [2]
