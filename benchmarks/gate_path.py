"""What the gate in the path costs: throughput, latency and processor time, compared with without.

One Envoy with one worker, one nginx behind it, under four names: reached directly; directly while
a gate that may come stays out; through the gate because target-burst-capacity says so; and through
the gate because of a hard limit that is never reached. Rounds alternate; ratios are medians of the
rounds' ratios. The last rounds ask one request at a time, for the latency without any queue.
Processor time for each request is what is left of the figures on a busy machine: that of Envoy, and
that of the control plane, which runs in this very process.
"""

from __future__ import annotations

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.bare import Side, wrk
from harness.cli import main, parser
from harness.figures import Report
from harness.nginx import nginx
from harness.running import need

from wakeful.gateway import Endpoint, GatePlace, RevisionBackend
from wakeful.testing.gateway import revision, running_gateway, simple_plan

DIRECT, OUT = "direct", "gate stays out"
ASKED, LIMITED = "gate asked for", "hard limit of 1000"
WAYS: dict[str, RevisionBackend] = {
    DIRECT: revision("direct"),
    OUT: revision("out", gate=GatePlace.OUT),
    ASKED: revision("asked", gate=GatePlace.IN_PATH),
    LIMITED: revision("limited", container_concurrency=1000),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of load."""

    rate: float
    latency_ms: float
    envoy_us: float
    """Processor time for each request."""
    control_us: float

    @property
    def cpu_us(self) -> float:
        """Both."""
        return self.envoy_us + self.control_us


Samples = dict[str, list[Sample]]


async def measure(options: argparse.Namespace) -> Report:
    """Alternate between the ways."""
    count = 3 if options.quick else 10
    report = Report("gate in the path")
    with tempfile.TemporaryDirectory(prefix="wgw-") as directory:
        async with (
            nginx(Path(directory)) as upstream,
            running_gateway(simple_plan(*WAYS.values())) as rig,
        ):
            for backend in WAYS.values():
                await rig.gateway.set_endpoints(backend.key, [Endpoint("127.0.0.1", upstream)])
            side = Side(("127.0.0.1", rig.ports["public"]), rig.envoy_pid)
            loaded = await _rounds(side, count)
            alone = await _rounds(side, max(2, count // 3), connections=1)
    report.add("direct: processor time of a request", _median(loaded[DIRECT], _cpu), "µs")
    report.add(f"{OUT}: throughput ÷ direct", _ratio(loaded[DIRECT], loaded[OUT], _rate))
    report.add(f"{OUT}: processor time ÷ direct", _ratio(loaded[DIRECT], loaded[OUT], _cpu))
    for way in (ASKED, LIMITED):
        _compare(report, way, loaded, alone)
    return report


async def _rounds(side: Side, count: int, connections: int = 32) -> Samples:
    samples: Samples = {way: [] for way in WAYS}
    for number in range(count + 1):
        for way, backend in WAYS.items():
            begun = time.process_time()
            host = f"{backend.key.name}.default.localhost"
            one = await wrk(side, host, 1, connections=connections)
            used = (time.process_time() - begun) / max(1.0, one.rate) * 1e6
            if number:  # the first warms up
                samples[way].append(Sample(one.rate, one.latency_ms, one.cpu_us, used))
    return samples


def _rate(sample: Sample) -> float:
    return sample.rate


def _cpu(sample: Sample) -> float:
    return sample.cpu_us


def _latency(sample: Sample) -> float:
    return sample.latency_ms


def _median(samples: list[Sample], what: Callable[[Sample], float]) -> float:
    return statistics.median(map(what, samples))


def _ratio(direct: list[Sample], through: list[Sample], what: Callable[[Sample], float]) -> float:
    return statistics.median(
        what(mine) / what(other) for other, mine in zip(direct, through, strict=True)
    )


def _compare(report: Report, way: str, loaded: Samples, alone: Samples) -> None:
    direct, through = loaded[DIRECT], loaded[way]
    report.add(f"{way}: throughput ÷ direct", _ratio(direct, through, _rate))
    report.add(
        f"{way}: median latency ÷ direct", _ratio(direct, through, _latency), note="32 clients"
    )
    added = _median(alone[way], _latency) - _median(alone[DIRECT], _latency)
    report.add(f"{way}: added latency", added, "ms", note="one client")
    control = _median(through, lambda sample: sample.control_us)
    envoy = _median(through, lambda sample: sample.envoy_us)
    report.add(f"{way}: processor time ÷ direct", _ratio(direct, through, _cpu))
    note = f"{envoy:.0f} µs of Envoy, {control:.0f} µs of the control plane for each"
    report.add(f"{way}: at most", 1e6 / control, "a second", note=note)


if __name__ == "__main__":
    need("nginx", "wrk")
    main("gate_path", parser(__doc__), measure)
