"""Figures of requests: what Envoy measured of those that have ended, and who waits at the gate."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import aiohttp
import structlog

from wakeful.gateway.envoy import EnvoyAdmin
from wakeful.gateway.gate.machine import GateCounts
from wakeful.gateway.plan import RevisionKey
from wakeful.gateway.translator.requeststats import STATS_PREFIX
from wakeful.telemetry.metrics import Distribution, Kind, Metric, Point

log = structlog.get_logger("wakeful.gateway.figures")

_QUEUE_SCOPE = "knative.dev/serving/pkg/queue"
_HTTP_SCOPE = "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
_ACTIVATOR_SCOPE = "knative.dev/serving/pkg/activator"
_FILTER = f"/stats/prometheus?filter=^{STATS_PREFIX}%5C."
_ATTRIBUTES = {
    "namespace": "k8s.namespace.name",
    "service": "kn.service.name",
    "configuration": "kn.configuration.name",
    "revision": "kn.revision.name",
    "code": "http.response.status_code",
}
_VERSIONS = {"HTTP/1.0": "1.0", "HTTP/1.1": "1.1", "HTTP/2": "2", "HTTP/3": "3"}
_MILLISECONDS = 1000
_More = Callable[[Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Line:
    """One statistic of Envoy's: its tags, and what was measured, in seconds."""

    tags: Mapping[str, str]
    measured: Distribution


async def read_request_metrics(admin: EnvoyAdmin) -> list[Metric]:
    """What requests took, by revision and status; nothing while Envoy does not answer."""
    try:
        text = await admin.get_text(_FILTER)
        since = time.time() - await admin.uptime_seconds()
        return await asyncio.to_thread(request_metrics, text, since)
    except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.warning("envoy tells no figures", error=str(error))
        return []


def request_metrics(text: str, since: float) -> list[Metric]:
    """The same from Envoy's page; ``since`` is when it began to count."""
    lines = [line for line in _parse(text) if line.tags.get("revision")]
    by_code = _points(lines, lambda _tags: {})
    by_protocol = _points(lines, _protocol)
    return [
        Metric(
            "http.server.request.duration",
            "Duration of HTTP server requests.",
            by_protocol,
            "s",
            Kind.HISTOGRAM,
            _HTTP_SCOPE,
            since,
        ),
        Metric(
            "kn.serving.invocation.duration",
            "What requests took, their wait for an instance included",
            by_code,
            "s",
            Kind.HISTOGRAM,
            _QUEUE_SCOPE,
            since,
        ),
    ]


def gate_metrics(counts: Mapping[RevisionKey, GateCounts]) -> list[Metric]:
    """Requests at the gate, of revisions that had any there; Knative's activator has the same."""
    queued, active = [], []
    for key, count in sorted(counts.items()):
        if count.arrived_total:
            attributes = {"k8s.namespace.name": key.namespace, "kn.revision.name": key.name}
            queued.append(Point(attributes, count.held))
            active.append(Point(attributes, count.running))
    unit, scope = "{request}", _ACTIVATOR_SCOPE
    meaning = "Requests that wait at the gate for an instance"
    waiting = Metric("kn.revision.request.queued", meaning, queued, unit, scope=scope)
    meaning = "Requests that the gate let go and that have not ended"
    running = Metric("kn.revision.request.active", meaning, active, unit, scope=scope)
    return [waiting, running]


def _protocol(tags: Mapping[str, str]) -> dict[str, str]:
    version = _VERSIONS.get(tags.get("protocol", ""), "")
    return {"network.protocol.name": "http", "network.protocol.version": version}


def _points(lines: Iterable[_Line], more: _More) -> list[Point]:
    """Sum up what does not differ in its attributes."""
    found: dict[tuple[tuple[str, str], ...], list[Distribution]] = defaultdict(list)
    for line in lines:
        attributes = {name: line.tags.get(tag, "") for tag, name in _ATTRIBUTES.items()}
        found[tuple({**attributes, **more(line.tags)}.items())].append(line.measured)
    return [Point(dict(attributes), _sum(measured)) for attributes, measured in found.items()]


def _sum(measured: list[Distribution]) -> Distribution:
    return Distribution(
        sum(one.count for one in measured),
        sum(one.total for one in measured),
        measured[0].bounds,
        tuple(map(sum, zip(*(one.counts for one in measured), strict=True))),
    )


def _parse(text: str) -> list[_Line]:
    from prometheus_client.parser import text_string_to_metric_families

    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, int]]] = defaultdict(list)
    totals: dict[tuple[tuple[str, str], ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            tags = tuple((name, value) for name, value in sample.labels.items() if name != "le")
            if sample.name.endswith("_bucket"):
                buckets[tags].append((float(sample.labels["le"]), int(sample.value)))
            elif sample.name.endswith("_sum"):
                totals[tags] = sample.value / _MILLISECONDS
    return [
        _Line(dict(tags), _distribution(found, totals[tags])) for tags, found in buckets.items()
    ]


def _distribution(cumulative: list[tuple[float, int]], total: float) -> Distribution:
    """From what is below each bound, the last of which is infinite."""
    below = [0, *(count for _, count in cumulative)]
    return Distribution(
        below[-1],
        total,
        tuple(bound / _MILLISECONDS for bound, _ in cumulative[:-1]),
        tuple(after - before for before, after in pairwise(below)),
    )
