"""Collectors behind HTTPS: who is trusted, and who is not."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from wakeful.apis.serving.config import parse_observability
from wakeful.gateway import RevisionKey
from wakeful.gateway.planner.footprints import plan_tracing
from wakeful.pki import PairPaths, ensure_server_pair, load_or_create_authority
from wakeful.telemetry.push import PushError, Target, push_grpc, push_http
from wakeful.testing.collectors import SpanCollector, grpc_collector, http_collector
from wakeful.testing.gateway import revision, running_app, running_gateway, simple_plan
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"
PROTOCOLS = pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PairPaths:
    """A collector's certificate, for localhost only, by an authority that this machine trusts."""
    authority = load_or_create_authority(tmp_path)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.certificate_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return ensure_server_pair(authority, tmp_path, "collector", ["localhost"])


@contextlib.asynccontextmanager
async def collecting(protocol: str, pair: PairPaths) -> AsyncIterator[SpanCollector]:
    async with grpc_collector(pair) if protocol == "grpc" else http_collector(pair) as found:
        yield found


@PROTOCOLS
async def test_spans_go_to_whom_the_certificate_names(protocol: str, pair: PairPaths) -> None:
    def to(endpoint: str) -> dict[str, str]:
        data = {"tracing-protocol": protocol, "tracing-endpoint": endpoint}
        return {**data, "tracing-sampling-rate": "1"}

    async with (
        collecting(protocol, pair) as found,
        running_app("one") as app,
        running_gateway(simple_plan(revision("hello"))) as rig,
    ):
        await rig.gateway.set_endpoints(HELLO, [app.endpoint])
        named = found.endpoint.replace("127.0.0.1", "localhost")
        for endpoint in (found.endpoint, named):
            tracing = plan_tracing(parse_observability(to(endpoint)).tracing, {})
            plan = replace(simple_plan(revision("hello")), tracing=tracing)
            await rig.gateway.publish(plan)
            assert (await rig.get(HOST, "/wrong")).status == 200

        async def is_traced() -> bool:
            await rig.get(HOST, "/right", headers={"Connection": "close"})
            return bool(found.of("/right"))

        await eventually(is_traced, every=0.05)


@PROTOCOLS
async def test_figures_go_to_whom_the_certificate_names(protocol: str, pair: PairPaths) -> None:
    push = push_grpc if protocol == "grpc" else push_http
    async with collecting(protocol, pair) as found:
        port = int(found.endpoint.rpartition(":")[2])
        with pytest.raises(PushError):
            await push(b"", Target("somebody.else", port, "/v1/metrics", True, "127.0.0.1"))
        await push(b"", Target("localhost", port, "/v1/metrics", True, "127.0.0.1"))
        assert found.metrics == [b""]
