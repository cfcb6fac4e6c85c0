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
import tempfile
from pathlib import Path

from harness.bare import Side, bare_envoy, compare
from harness.cli import main, parser
from harness.figures import Report
from harness.nginx import nginx
from harness.running import need

from wakeful.gateway import Endpoint, RevisionKey
from wakeful.testing.gateway import revision, running_gateway, simple_plan

_HOST = "hello.default.localhost"
_KEY = RevisionKey("default", "hello")


async def measure(options: argparse.Namespace) -> Report:
    """Alternate between the two Envoys."""
    count, seconds = (4, 1) if options.quick else (30, 1)
    report = Report("warm path, gateway ÷ bare Envoy")
    with tempfile.TemporaryDirectory(prefix="wgw-") as directory:
        work = Path(directory)
        async with (
            nginx(work) as upstream,
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
