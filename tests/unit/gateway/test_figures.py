"""From Envoy's page to figures of requests."""

from __future__ import annotations

from wakeful.gateway import RevisionKey
from wakeful.gateway.figures import gate_metrics, request_metrics
from wakeful.gateway.gate.machine import GateCounts
from wakeful.telemetry.metrics import Distribution, Kind

_NAME = "envoy_requests_duration"


def histogram(code: str, protocol: str, *below: int, total: float, revision: str = "cart-1") -> str:
    tags = (
        f'namespace="shop",revision="{revision}",service="cart",configuration="cart"'
        f',code="{code}",protocol="{protocol}"'
    )
    bounds = ("5", "100", "+Inf")
    lines = [f'{_NAME}_bucket{{{tags},le="{b}"}} {n}' for b, n in zip(bounds, below, strict=True)]
    return "\n".join([*lines, f"{_NAME}_sum{{{tags}}} {total}", f"{_NAME}_count{{{tags}}} 0", ""])


PAGE = f"# TYPE {_NAME} histogram\n" + "".join(
    [
        histogram("200", "HTTP/1.1", 1, 3, 4, total=1500.0),
        histogram("200", "HTTP/2", 0, 1, 1, total=500.0),
        histogram("500", "HTTP/1.1", 1, 1, 1, total=1.0),
        histogram("404", "HTTP/1.1", 9, 9, 9, total=0.0, revision=""),
    ]
)


def test_requests_are_told_by_revision_and_status() -> None:
    by_protocol, by_code = request_metrics(PAGE, since=7.0)
    assert (by_code.name, by_code.unit, by_code.kind, by_code.since) == (
        "kn.serving.invocation.duration",
        "s",
        Kind.HISTOGRAM,
        7.0,
    )
    found = {point.attributes["http.response.status_code"]: point.value for point in by_code.points}
    assert found["200"] == Distribution(5, 2.0, (0.005, 0.1), (1, 3, 1))
    assert found.keys() == {"200", "500"}
    assert by_code.points[0].attributes == {
        "k8s.namespace.name": "shop",
        "kn.service.name": "cart",
        "kn.configuration.name": "cart",
        "kn.revision.name": "cart-1",
        "http.response.status_code": "200",
    }
    versions = [point.attributes["network.protocol.version"] for point in by_protocol.points]
    assert (by_protocol.name, versions) == ("http.server.request.duration", ["1.1", "2", "1.1"])


def test_nothing_measured_is_nothing_told() -> None:
    assert [metric.points for metric in request_metrics("", since=0.0)] == [[], []]


def test_the_gate_tells_of_those_that_had_requests_there() -> None:
    counts = {
        RevisionKey("shop", "cart-1"): GateCounts(2, 1, 3, 0.0, 0.0, 0.0),
        RevisionKey("shop", "never"): GateCounts(0, 0, 0, 0.0, 0.0, 0.0),
    }
    queued, active = gate_metrics(counts)
    assert (queued.name, [point.value for point in queued.points]) == (
        "kn.revision.request.queued",
        [2],
    )
    assert (active.name, [point.value for point in active.points]) == (
        "kn.revision.request.active",
        [1],
    )
