"""Spans and figures of requests, as a user has them sent somewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wakeful.testing.collectors import SpanCollector, collector_thread
from wakeful.testing.platform import until
from wakeful.testing.services import AWAKE, Namespace, a_service

OBSERVABILITY = "config-observability"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
CLOSE = {"Connection": "close"}


@pytest.fixture(scope="module")
def collector() -> Iterator[SpanCollector]:
    """Whom the platform sends to."""
    with collector_thread() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def seen(namespace: Namespace) -> None:
    """The service whose requests are looked at."""
    namespace.apply(a_service("seen", annotations=AWAKE))
    namespace.ready("seen")


def traceparent_at_program(namespace: Namespace) -> str:
    answer = namespace.ask("seen", "/info", headers={**CLOSE, "traceparent": PARENT}).json()
    return str(answer["headers"]["traceparent"])


def test_spans_are_sent_while_somebody_wants_them(
    namespace: Namespace, collector: SpanCollector
) -> None:
    refused = {"tracing-protocol": "grpc"}
    answer = namespace.platform.configure(OBSERVABILITY, refused, check=False)
    assert 'endpoint should be set for protocol "grpc"' in answer.err

    def is_traced() -> bool:
        namespace.ask("seen", "/traced", headers={**CLOSE, "traceparent": PARENT})
        return bool(collector.of("/traced"))

    values = {
        "tracing-protocol": "http/protobuf",
        "tracing-endpoint": collector.endpoint,
        "tracing-sampling-rate": "1",
    }
    with namespace.platform.configured(OBSERVABILITY, values):
        until(is_traced, what="a span of the request")
    span = collector.of("/traced")[0]
    assert span.trace_id == TRACE
    assert span.attributes["kn.service.name"] == "seen"
    assert span.attributes["k8s.namespace.name"] == namespace.name

    def is_left_alone() -> bool:
        return traceparent_at_program(namespace) == PARENT

    until(is_left_alone, what="requests to pass untraced")


def test_zipkin_is_told_as_in_2019(namespace: Namespace, collector: SpanCollector) -> None:
    def is_traced() -> bool:
        namespace.ask("seen", "/by-zipkin", headers=CLOSE)
        return bool(collector.zipkin_of("/by-zipkin"))

    endpoint = f"{collector.endpoint}/api/v2/spans"
    values = {"backend": "zipkin", "zipkin-endpoint": endpoint, "debug": "true"}
    with namespace.platform.configured("config-tracing", values):
        until(is_traced, what="a span of the request")
    assert collector.zipkin_of("/by-zipkin")[0]["tags"]["kn.service.name"] == "seen"


def test_figures_are_pushed_and_can_be_scraped(
    namespace: Namespace, collector: SpanCollector
) -> None:
    endpoint = f"{collector.endpoint}/v1/metrics"
    refused = {"request-metrics-protocol": "grpc"}
    answer = namespace.platform.configure(OBSERVABILITY, refused, check=False)
    assert 'endpoint should be set when protocol is "grpc"' in answer.err
    pushed = {
        "metrics-protocol": "http/protobuf",
        "metrics-endpoint": endpoint,
        "metrics-export-interval": "1s",
        "request-metrics-protocol": "http/protobuf",
        "request-metrics-endpoint": endpoint,
        "request-metrics-export-interval": "1s",
    }
    labels = (f'k8s_namespace_name="{namespace.name}"', 'kn_service_name="seen"')

    def is_measured() -> bool:
        namespace.ask("seen", "/", headers=CLOSE)
        figures = b"".join(collector.metrics)
        return b"kn.revision.pods.count" in figures and b"kn.serving.invocation" in figures

    def is_scraped() -> bool:
        namespace.ask("seen", "/", headers=CLOSE)
        page = namespace.platform.kubectl("get", "--raw", "/metrics").out.splitlines()
        counts = [line for line in page if "invocation_duration_seconds_count" in line]
        return any(all(label in line for label in labels) for line in counts)

    with namespace.platform.configured(OBSERVABILITY, pushed):
        until(is_measured, what="both kinds of figures")
    with namespace.platform.configured(OBSERVABILITY, {"request-metrics-protocol": "prometheus"}):
        until(is_scraped, what="figures of requests on the page")
