"""Figures that are pushed to real receivers, and fetched."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

from wakeful.apis.serving.config import MetricsConfig, parse_observability
from wakeful.cmd.figures import Export, Source
from wakeful.telemetry.metrics import Metric, Point
from wakeful.testing.collectors import grpc_collector, http_collector
from wakeful.testing.waiting import eventually


async def gather() -> list[Metric]:
    return [Metric("kn.revision.pods.count", "Ready", [Point({"kn.revision.name": "one"}, 3)])]


@contextlib.asynccontextmanager
async def exporting() -> AsyncIterator[Export]:
    export = Export(Source("metrics", "wakeful", gather), lambda _host, _port: "127.0.0.1")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(export.run())
        try:
            yield export
        finally:
            task.cancel()


def config(protocol: str, endpoint: str = "") -> MetricsConfig:
    data = {"metrics-protocol": protocol, "metrics-export-interval": "50ms"}
    if endpoint:
        data["metrics-endpoint"] = endpoint
    return parse_observability(data).metrics


def named(endpoint: str) -> str:
    """By a name that only the platform knows."""
    return endpoint.replace("127.0.0.1", "collector.observability")


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_figures_are_pushed_again_and_again(protocol: str) -> None:
    collector = grpc_collector() if protocol == "grpc" else http_collector()
    async with collector as found, exporting() as export:
        export.configure(config(protocol, named(found.endpoint)))
        await eventually(lambda: len(found.metrics) > 2)
        export.configure(MetricsConfig())

    request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(found.metrics[0])
    resource = {
        a.key: a.value.string_value for a in request.resource_metrics[0].resource.attributes
    }
    assert resource["service.name"] == "wakeful"
    (metric,) = request.resource_metrics[0].instrumentation_library_metrics[0].metrics
    assert metric.gauge.data_points[0].as_int == 3
    assert set(found.paths) <= {"/v1/metrics"}


async def test_a_collector_may_come_later_and_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with exporting() as export:
        export.configure(config("grpc", f"http://c.d:{port}"))
        await eventually(lambda: "figures not sent" in capsys.readouterr().out)
        async with http_collector() as found:
            export.configure(config("http/protobuf", named(found.endpoint)))
            await eventually(lambda: found.metrics)


async def test_figures_can_be_fetched_where_it_says() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def page(session: aiohttp.ClientSession) -> str | None:
        try:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                return await answer.text()
        except aiohttp.ClientError:
            return None

    async with exporting() as export, aiohttp.ClientSession() as session:
        export.configure(config("prometheus", f"127.0.0.1:{port}"))
        text = await eventually(lambda: page(session))
        assert 'kn_revision_pods_count{kn_revision_name="one"} 3.0' in text
        export.configure(config("prometheus"))

        async def is_closed() -> bool:
            return await page(session) is None

        await eventually(is_closed)
