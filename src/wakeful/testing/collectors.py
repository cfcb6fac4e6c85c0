"""Receivers of spans and figures, as OpenTelemetry's and Zipkin's collectors are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import grpc
from aiohttp import web

from wakeful.pki import PairPaths, server_context
from wakeful.telemetry.spans import Span, parse_spans
from wakeful.testing.http import answering

_TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
_METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"


@dataclass
class SpanCollector:
    """What it was sent: OpenTelemetry's spans, Zipkin's as JSON, requests for figures as bytes."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    zipkin: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    """Where, with HTTP."""

    def of(self, path: str) -> list[Span]:
        """The spans of requests for one path, those behind the gate included."""
        traces = {s.trace_id for s in self.spans if path_of(s.attributes) == path}
        return [span for span in self.spans if span.trace_id in traces]

    def zipkin_of(self, path: str) -> list[dict[str, Any]]:
        """The same of Zipkin's."""
        traces = {s["traceId"] for s in self.zipkin if path_of(s["tags"]) == path}
        return [span for span in self.zipkin if span["traceId"] in traces]


def path_of(attributes: Mapping[str, str]) -> str:
    """The path that a span's request was for."""
    return urlsplit(attributes.get("http.url", "")).path


@contextlib.asynccontextmanager
async def http_collector(pair: PairPaths | None = None) -> AsyncIterator[SpanCollector]:
    """Listen as OpenTelemetry's and Zipkin's do, over HTTP; with a certificate's files, HTTPS."""
    found = SpanCollector()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        found.paths.append(request.path)
        if request.content_type == "application/json":
            found.zipkin += json.loads(body)
            return web.Response(status=202)
        if request.path.endswith("/metrics"):
            found.metrics.append(body)
        else:
            found.spans += parse_spans(body)
        return web.Response(content_type="application/x-protobuf")

    context = server_context(pair) if pair is not None else None
    async with answering(take, ssl_context=context) as url:
        found.endpoint = url if pair is None else url.replace("http:", "https:")
        yield found


@contextlib.asynccontextmanager
async def grpc_collector(pair: PairPaths | None = None) -> AsyncIterator[SpanCollector]:
    """Listen as OpenTelemetry's does, over gRPC; with a certificate's files, over TLS."""
    found = SpanCollector()

    async def take_spans(body: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        del context
        found.spans += parse_spans(body)
        return b""

    async def take_metrics(body: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        del context
        found.metrics.append(body)
        return b""

    server = grpc.aio.server()
    for service, take in ((_TRACES, take_spans), (_METRICS, take_metrics)):
        methods = {"Export": grpc.unary_unary_rpc_method_handler(take)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    if pair is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        both = [(pair.key.read_bytes(), pair.certificate.read_bytes())]
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(both))
    await server.start()
    found.endpoint = f"{'http' if pair is None else 'https'}://127.0.0.1:{port}"
    try:
        yield found
    finally:
        await server.stop(grace=None)


@contextlib.contextmanager
def collector_thread() -> Iterator[SpanCollector]:
    """The one over HTTP for tests without a loop of their own."""
    started: Future[tuple[SpanCollector, Callable[[], object]]] = Future()

    async def collect() -> None:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        async with http_collector() as found:
            started.set_result((found, lambda: loop.call_soon_threadsafe(ended.set)))
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(collect()), name="collector")
    thread.start()
    found, end = started.result(timeout=10)
    try:
        yield found
    finally:
        end()
        thread.join()
