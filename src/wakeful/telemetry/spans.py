"""Spans as OpenTelemetry's protocol carries them, taken apart for whoever looks at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_NANOS = 1_000_000_000
_SCOPES, _SPANS = 2, 2
"""Numbers of fields that were renamed from one version of the definitions to the next."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work; IDs are hexadecimal, ``parent_id`` is empty where a trace begins."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    started_at: datetime
    seconds: float
    attributes: dict[str, str]

    def to_json(self) -> str:
        """One line that says everything."""
        return json.dumps(
            {
                "service": self.service,
                "name": self.name,
                "traceId": self.trace_id,
                "spanId": self.span_id,
                "parentSpanId": self.parent_id,
                "kind": self.kind,
                "start": self.started_at.isoformat(timespec="microseconds"),
                "milliseconds": round(self.seconds * 1000, 3),
                "attributes": self.attributes,
            }
        )


def parse_spans(body: bytes) -> Iterator[Span]:
    """Read an ``ExportTraceServiceRequest``.

    Raises:
        google.protobuf.message.DecodeError: It is none.
    """
    # Loaded by the first span: most platforms never see one.
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
    for group in request.resource_spans:
        service = _attributes(group.resource.attributes).get("service.name", "")
        for scope in _numbered(group, _SCOPES):
            for span in _numbered(scope, _SPANS):
                yield _span(span, service)


def _numbered(message: Any, number: int) -> Any:
    return getattr(message, message.DESCRIPTOR.fields_by_number[number].name)


def _span(span: Any, service: str) -> Span:
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    kinds = span.DESCRIPTOR.enum_types_by_name["SpanKind"].values_by_number
    return Span(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        kinds[span.kind].name.removeprefix("SPAN_KIND_").lower(),
        datetime.fromtimestamp(start / _NANOS, UTC),
        (end - start) / _NANOS,
        _attributes(span.attributes),
    )


def _attributes(pairs: Any) -> dict[str, str]:
    found = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = str(getattr(pair.value, kind)) if kind else ""
    return found
