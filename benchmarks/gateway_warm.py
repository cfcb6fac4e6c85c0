"""Warm throughput and latency through the gateway, as ratios to a bare Envoy in the same run.

Both Envoys have one worker and send to the same nginx. The bare one is configured by hand with
nothing but a listener, a route and a cluster; ours has the gate behind it, probes, retries, outlier
detection, marked requests and load reports. Rounds alternate; the figure is the median of the
rounds' ratios. Needs ``nginx`` and ``wrk`` (Debian's packages of those names).
"""

from __future__ import annotations

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from harness import machine
from harness.cli import main, parser
from harness.figures import Report

from wakeful.gateway import Endpoint, EnvoyAdmin, RevisionKey, find_envoy
from wakeful.testing.gateway import revision, running_gateway, simple_plan

_TYPES = "type.googleapis.com/envoy"
_HOST = "hello.default.localhost"
_KEY = RevisionKey("default", "hello")
_CONNECTIONS = 32
_BAR = 0.95


def _bare(admin: Path, upstream: int) -> dict[str, object]:
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
    address = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
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
async def _process(*argv: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_open(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return


@contextlib.asynccontextmanager
async def _nginx(work: Path) -> AsyncIterator[int]:
    """One worker that answers from memory, on a port the kernel chose."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    config = work / "nginx.conf"
    config.write_text(
        f"""
        daemon off; worker_processes 1; pid {work}/nginx.pid; error_log /dev/null;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; keepalive_requests 100000000;
          client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;
          uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;
          server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello world"; }} }}
        }}"""
    )
    async with _process("nginx", "-p", str(work), "-c", str(config)):
        await _until_open(port)
        yield port


@contextlib.asynccontextmanager
async def _bare_envoy(work: Path, upstream: int) -> AsyncIterator[tuple[int, int]]:
    admin, config = work / "admin.sock", work / "bare.json"
    config.write_text(json.dumps(_bare(admin, upstream)))
    flags = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
    async with _process(str(find_envoy()), "-c", str(config), *flags) as process:
        async with asyncio.timeout(10):
            while not await EnvoyAdmin(admin).is_up():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield (await EnvoyAdmin(admin).listener_ports())["public"], process.pid


@dataclass(frozen=True, slots=True)
class Round:
    """What one load of one Envoy showed."""

    rate: float
    latency_ms: float
    cpu_us: float
    """Envoy's CPU time for each request: what is left of the figure on a busy machine."""


async def _wrk(port: int, pid: int, seconds: int) -> Round:
    """Load one Envoy; fails when any answer was not 200."""
    begun = machine.usage_of(pid).cpu_seconds
    process = await asyncio.create_subprocess_exec(
        "wrk",
        *("-t1", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--latency", "-H", f"Host: {_HOST}"),
        f"http://127.0.0.1:{port}/",
        stdout=asyncio.subprocess.PIPE,
    )
    out = (await process.communicate())[0].decode()
    used = machine.usage_of(pid).cpu_seconds - begun
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    total = re.search(r"(\d+) requests in", out)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", out)
    if not (rate and total and median) or "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    latency = float(median[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[median[2]]
    return Round(float(rate[1]), latency, used / int(total[1]) * 1e6)


async def measure(options: argparse.Namespace) -> Report:
    """Alternate between the two Envoys."""
    count, seconds = (4, 1) if options.quick else (12, 2)
    bare: list[Round] = []
    ours: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="wgw-") as directory:
        work = Path(directory)
        async with (
            _nginx(work) as upstream,
            _bare_envoy(work, upstream) as (bare_port, bare_pid),
            running_gateway(simple_plan(revision("hello"))) as rig,
        ):
            await rig.gateway.set_endpoints(_KEY, [Endpoint("127.0.0.1", upstream)])
            sides = [
                (bare, bare_port, bare_pid),
                (ours, rig.ports["public"], rig.envoy_pid),
            ]
            for _, port, pid in sides:
                await _wrk(port, pid, 1)
            for _ in range(count):
                for rounds, port, pid in sides:
                    rounds.append(await _wrk(port, pid, seconds))
                sides.reverse()
    report = Report("warm path, gateway ÷ bare Envoy")
    pairs = list(zip(bare, ours, strict=True))
    rates = [mine.rate / other.rate for other, mine in pairs]
    report.samples["throughput"] = rates
    report.add(
        "throughput",
        statistics.median(rates),
        at_least=_BAR,
        note=f"{count} rounds, {min(rates):.2f}–{max(rates):.2f}",
    )
    latencies = [mine.latency_ms / other.latency_ms for other, mine in pairs]
    report.add("median latency", statistics.median(latencies))
    report.add(
        "Envoy's CPU for a request",
        statistics.median(r.cpu_us for r in ours) / statistics.median(r.cpu_us for r in bare),
        note=f"{statistics.median(r.cpu_us for r in bare):.1f} µs bare",
    )
    return report


if __name__ == "__main__":
    for program in ("nginx", "wrk"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is needed: apt-get install {program}")
    main("gateway_warm", parser(__doc__), measure)
