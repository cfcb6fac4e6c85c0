"""Warm throughput and latency through the gateway, as ratios to a bare Envoy in the same run.

Both Envoys have one worker and send to the same nginx. The bare one is configured by hand with
nothing but a listener, a route and a cluster; ours has the gate behind it, probes, retries, outlier
detection, marked requests and load reports. Rounds alternate; the figure is the median of the
rounds' ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import argparse
import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from harness.bare import Side, bare_envoy, compare, process
from harness.cli import main, parser
from harness.figures import Report
from harness.running import need

from wakeful.gateway import Endpoint, RevisionKey
from wakeful.testing.gateway import revision, running_gateway, simple_plan

_HOST = "hello.default.localhost"
_KEY = RevisionKey("default", "hello")


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
    async with process("nginx", "-p", str(work), "-c", str(config)):
        await _until_open(port)
        yield port


async def measure(options: argparse.Namespace) -> Report:
    """Alternate between the two Envoys."""
    count, seconds = (4, 1) if options.quick else (30, 1)
    report = Report("warm path, gateway ÷ bare Envoy")
    with tempfile.TemporaryDirectory(prefix="wgw-") as directory:
        work = Path(directory)
        async with (
            _nginx(work) as upstream,
            bare_envoy(work, ("127.0.0.1", upstream)) as bare,
            running_gateway(simple_plan(revision("hello"))) as rig,
        ):
            await rig.gateway.set_endpoints(_KEY, [Endpoint("127.0.0.1", upstream)])
            ours = Side(("127.0.0.1", rig.ports["public"]), rig.envoy_pid)
            await compare(report, bare, ours, _HOST, count=count, seconds=seconds)
    return report


if __name__ == "__main__":
    need("nginx", "wrk")
    main("gateway_warm", parser(__doc__), measure)
