"""A hand-configured Envoy to compare with, and wrk to load either."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import statistics
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import machine
from harness.figures import Report
from harness.http import Address
from wakeful.gateway import EnvoyAdmin, find_envoy

BAR = 0.95
_TYPES = "type.googleapis.com/envoy"
_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two Envoys that are compared."""

    address: Address
    pid: int


def _configuration(admin: Path, upstream: Address) -> dict[str, object]:
    """A listener, a route and a cluster; nothing else."""
    router = {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": "public",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
        "generate_request_id": False,
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "app",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}],
                }
            ]
        },
    }
    address = {"socket_address": {"address": upstream[0], "port_value": upstream[1]}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "admin": {"address": {"pipe": {"path": str(admin)}}},
        "static_resources": {
            "listeners": [
                {
                    "name": "public",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                    "filter_chains": [
                        {
                            "filters": [
                                {
                                    "name": "envoy.filters.network.http_connection_manager",
                                    "typed_config": manager,
                                }
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "app",
                    "type": "STATIC",
                    "load_assignment": {"cluster_name": "app", "endpoints": endpoints},
                }
            ],
        },
    }


@contextlib.asynccontextmanager
async def process(*argv: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program while the context is open."""
    running = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


@contextlib.asynccontextmanager
async def bare_envoy(work: Path, upstream: Address) -> AsyncIterator[Side]:
    """Run an Envoy of one worker in front of ``upstream``."""
    admin, config = work / "admin.sock", work / "bare.json"
    config.write_text(json.dumps(_configuration(admin, upstream)))
    flags = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
    async with process(str(find_envoy()), "-c", str(config), *flags) as envoy:
        async with asyncio.timeout(10):
            while not await EnvoyAdmin(admin).is_up():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        ports = await EnvoyAdmin(admin).listener_ports()
        yield Side(("127.0.0.1", ports["public"]), envoy.pid)


@dataclass(frozen=True, slots=True)
class Round:
    """What one load of one Envoy showed."""

    rate: float
    latency_ms: float
    cpu_us: float
    """Envoy's CPU time for each request: what is left of the figure on a busy machine."""


async def wrk(side: Side, host: str, seconds: int, *, connections: int = _CONNECTIONS) -> Round:
    """Load one Envoy; fails when any answer was not 200."""
    begun = machine.usage_of(side.pid).cpu_seconds
    program = await asyncio.create_subprocess_exec(
        "wrk",
        *("-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Host: {host}"),
        f"http://{side.address[0]}:{side.address[1]}/",
        stdout=asyncio.subprocess.PIPE,
    )
    out = (await program.communicate())[0].decode()
    used = machine.usage_of(side.pid).cpu_seconds - begun
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    total = re.search(r"(\d+) requests in", out)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", out)
    if not (rate and total and median) or "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    latency = float(median[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[median[2]]
    return Round(float(rate[1]), latency, used / int(total[1]) * 1e6)


async def compare(
    report: Report, bare: Side, ours: Side, host: str, *, count: int, seconds: int
) -> None:
    """Load both in turn, and add the medians of the rounds' ratios to ``report``."""
    rounds: dict[Side, list[Round]] = {bare: [], ours: []}
    sides = [bare, ours]
    for side in sides:
        await wrk(side, host, 1)
    for _ in range(count):
        for side in sides:
            rounds[side].append(await wrk(side, host, seconds))
        sides.reverse()
    pairs: Sequence[tuple[Round, Round]] = list(zip(rounds[bare], rounds[ours], strict=True))
    rates = [mine.rate / other.rate for other, mine in pairs]
    report.samples["throughput"] = rates
    report.add(
        "throughput",
        statistics.median(rates),
        at_least=BAR,
        note=f"{count} rounds, {min(rates):.2f}–{max(rates):.2f}",
    )
    latencies = [mine.latency_ms / other.latency_ms for other, mine in pairs]
    report.add("median latency", statistics.median(latencies))
    cpu = {side: statistics.median(r.cpu_us for r in rounds[side]) for side in rounds}
    report.add("Envoy's CPU for a request", cpu[ours] / cpu[bare], note=f"{cpu[bare]:.1f} µs bare")
