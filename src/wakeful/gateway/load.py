"""What each revision carries: Envoy's load reports (LRS) merged with the gate's own exact counts.

Envoy reports requests at instances; requests that wait are known to the gate alone. All requests of
revisions with a concurrency limit pass the gate, so for those its numbers suffice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
from envoy.config.endpoint.v3 import load_report_pb2
from envoy.service.load_stats.v3 import lrs_pb2
from google.protobuf import duration_pb2

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.autoscaler import LoadSample
from wakeful.gateway.gate.machine import GateCounts
from wakeful.gateway.gate.service import Gate
from wakeful.gateway.plan import Endpoint, RevisionKey
from wakeful.gateway.translator.names import parse_cluster_name

log = structlog.get_logger("wakeful.gateway.load")

_SERVICE = "envoy.service.load_stats.v3.LoadReportingService"
_METHOD = "StreamLoadStats"
BUSY_INTERVAL_SECONDS = 0.1
FLOOD_INTERVAL_SECONDS = 0.5
"""Many requests average out in few samples, and every report costs Envoy a third of a millisecond
or more: it carries the description of the whole Envoy."""
IDLE_INTERVAL_SECONDS = 1.0
ASLEEP_INTERVAL_SECONDS = 10.0
_FLOOD_RATE = 1_000.0
"""Requests a second, over all revisions, from which on reports come less often."""
_LEAST_CONCURRENCY = 0.004
"""What a period with requests counts for at least. Reports are looks at a gauge, which short
requests slip through; a service that answers in a millisecond is in use all the same."""
_CALM_SECONDS = 3.0
"""How long nothing must have happened before reports come at the slow rate again."""


@dataclass(slots=True)
class _Revision:
    """Sums since the last ``collect``, and the last reading."""

    area: float = 0.0
    covered: float = 0.0
    issued: int = 0
    in_progress: int = 0
    endpoints: dict[Endpoint, int] = field(default_factory=dict)
    gate: GateCounts = field(default_factory=lambda: GateCounts(0, 0, 0, 0.0, 0.0, 0.0))
    seen_until: float = 0.0
    """When the last report came."""
    was_reported: bool = False
    """Reports came in the period before the present one, too."""


def _seen(revision: _Revision, elapsed: float) -> float:
    """Average number of requests at instances, as Envoy reported it."""
    if not revision.covered:
        return float(revision.in_progress)
    span = revision.covered
    if not revision.was_reported:
        # Before the first report of one that wakes, its requests were at the gate.
        span = max(span, elapsed)
    return revision.area / span


def _unseen(revision: _Revision, counts: GateCounts, collected_at: float, now: float) -> float:
    """Seconds, up to now, of which neither a report nor the gate has told anything.

    A load that has just woken an instance is less than a second old when it is first asked for. The
    tenth or two since the last report are then a good part of its life: no requests were reported
    for them because no report has come.
    """
    if revision.was_reported or (revision.in_progress and not revision.covered):
        return 0.0
    known = max(revision.seen_until, counts.held_until)
    return max(0.0, now - known) if known > collected_at else 0.0


class _Stream:
    """One Envoy's report stream."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.told: tuple[frozenset[str], float] | None = None


class LoadReports:
    """Serves LRS and turns reports into samples."""

    def __init__(self, gate: Gate, clock: Clock | None = None) -> None:
        self._gate = gate
        self._clock = clock or SystemClock()
        self._awake: frozenset[str] = frozenset()
        self._streams: set[_Stream] = set()
        self._revisions: dict[RevisionKey, _Revision] = {}
        self._live: set[RevisionKey] = set()
        """Revisions with reports that were not collected, or whose last one has to be known."""
        self._collected_at = self._clock.monotonic()
        self._busy_at = self._stirred_at = self._collected_at
        self._rate = 0.0
        self._report_waiters: list[asyncio.Future[None]] = []

    def handler(self) -> Any:
        """The gRPC service, to be added to a server."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                _METHOD: grpc.stream_stream_rpc_method_handler(
                    self._serve,
                    request_deserializer=lrs_pb2.LoadStatsRequest.FromString,
                    response_serializer=lrs_pb2.LoadStatsResponse.SerializeToString,
                )
            },
        )

    def watch(self, clusters: Iterable[str]) -> None:
        """Have exactly these clusters reported: every one costs Envoy time, also when idle."""
        awake = frozenset(clusters)
        if awake == self._awake:
            return
        self._awake = awake
        self._stirred_at = self._clock.monotonic()
        self._tell()

    @property
    def connected(self) -> bool:
        """Whether any Envoy reports."""
        return bool(self._streams)

    def in_progress(self, key: RevisionKey, endpoint: Endpoint) -> int:
        """Requests at one instance in the latest report."""
        revision = self._revisions.get(key)
        return revision.endpoints.get(endpoint, 0) if revision is not None else 0

    async def next_report(self) -> None:
        """Return when the next report has come in, from whichever Envoy."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._report_waiters.append(waiter)
        await waiter

    def collect(self) -> Mapping[NamespacedName, LoadSample] | None:
        """Samples since the last call; None while no Envoy reports."""
        now = self._clock.monotonic()
        since, self._collected_at = self._collected_at, now
        samples: dict[NamespacedName, LoadSample] = {}
        # What sleeps is not looked at: a thousand of them would cost a hundredth of a core.
        for key in self._live | set(self._gate.take_active()):
            revision = self._revisions.setdefault(key, _Revision())
            sample = self._sample(key, revision, since, now)
            if not (revision.was_reported or revision.in_progress):
                self._live.discard(key)
            if sample.concurrency or sample.requests:
                samples[NamespacedName(key.namespace, key.name)] = sample
        return samples if self._streams else None

    def _sample(
        self, key: RevisionKey, revision: _Revision, since: float, now: float
    ) -> LoadSample:
        elapsed = max(now - since, 1e-6)
        before, unseen = revision.gate, 0.0
        counts = self._gate.counts(key) or before
        waited = (counts.held_area - before.held_area) / elapsed
        passed = (counts.running_area - before.running_area) / elapsed
        arrived = counts.arrived_total - before.arrived_total
        if self._gate.is_limited(key):
            concurrency, requests = waited + passed, arrived
        else:
            concurrency, requests = _seen(revision, elapsed), revision.issued
            if self._gate.is_gated(key):
                # Looks at a gauge are rough, the gate's count is exact; but requests that went
                # by before the gate stood in the path are in the gauge only.
                concurrency, requests = max(concurrency, passed), max(requests, arrived)
            else:
                unseen = _unseen(revision, counts, since, now)
            concurrency += waited
        revision.gate = counts
        revision.was_reported = revision.covered > 0
        revision.area = revision.covered = 0.0
        revision.issued = 0
        if requests:
            concurrency = max(concurrency, _LEAST_CONCURRENCY)
        if requests or concurrency:
            self._busy_at = now
        return LoadSample(concurrency, float(requests), unseen)

    def forget(self, key: RevisionKey) -> None:
        """The revision is gone."""
        self._revisions.pop(key, None)
        self._live.discard(key)

    async def _serve(
        self,
        requests: AsyncIterator[lrs_pb2.LoadStatsRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        stream = _Stream()
        self._streams.add(stream)
        stream.wake.set()
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(stream, context), name="lrs:write")
                async for request in requests:
                    self.on_report(request)
                writer.cancel()
        finally:
            self._streams.discard(stream)

    async def _write(self, stream: _Stream, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        while True:
            await stream.wake.wait()
            stream.wake.clear()
            want = (self._awake, self._interval())
            if want == stream.told:
                continue
            stream.told = want
            whole = int(want[1])
            await context.write(
                lrs_pb2.LoadStatsResponse(
                    clusters=sorted(want[0]),
                    load_reporting_interval=duration_pb2.Duration(
                        seconds=whole, nanos=round((want[1] - whole) * 1e9)
                    ),
                    report_endpoint_granularity=True,
                )
            )

    def on_report(self, request: lrs_pb2.LoadStatsRequest) -> None:
        """Take in one report."""
        self._rate = 0.0
        for stats in request.cluster_stats:
            parsed = parse_cluster_name(stats.cluster_name)
            if parsed is not None:
                self._take(parsed, stats)
        waiters, self._report_waiters = self._report_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._tell()

    def _take(self, key: RevisionKey, stats: load_report_pb2.ClusterStats) -> None:
        in_progress = issued = 0
        endpoints: dict[Endpoint, int] = {}
        for locality in stats.upstream_locality_stats:
            if locality.priority:
                continue  # the gate itself: the same requests, seen on their way
            in_progress += locality.total_requests_in_progress
            issued += locality.total_issued_requests
            for endpoint in locality.upstream_endpoint_stats:
                address = endpoint.address.socket_address
                where = Endpoint(address.address, address.port_value)
                endpoints[where] = endpoint.total_requests_in_progress
        if self._gate.is_limited(key):
            self._gate.recover(key, endpoints)
        revision = self._revisions.setdefault(key, _Revision())
        self._live.add(key)
        interval = stats.load_report_interval
        seconds = interval.seconds + interval.nanos / 1e9
        revision.seen_until = self._clock.monotonic()
        revision.in_progress = in_progress
        revision.endpoints = endpoints
        revision.area += in_progress * seconds
        revision.covered += seconds
        revision.issued += issued
        self._rate += issued / seconds if seconds else 0.0
        if issued or in_progress:
            self._busy_at = self._clock.monotonic()

    def _interval(self) -> float:
        if not self._awake:
            return ASLEEP_INTERVAL_SECONDS
        now = self._clock.monotonic()
        if now - self._stirred_at < _CALM_SECONDS:
            return BUSY_INTERVAL_SECONDS  # whatever wakes or sleeps is worth a close look
        if now - self._busy_at < _CALM_SECONDS:
            return FLOOD_INTERVAL_SECONDS if self._rate >= _FLOOD_RATE else BUSY_INTERVAL_SECONDS
        return IDLE_INTERVAL_SECONDS

    def _tell(self) -> None:
        for stream in self._streams:
            stream.wake.set()
