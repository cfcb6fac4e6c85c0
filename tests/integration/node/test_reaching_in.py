"""Logs, exec and port-forward, as the API server asks for them; and what Pods use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from wakeful.apimachinery.errors import BadRequestError, InternalServerError, NotFoundError
from wakeful.apis.core import Pod
from wakeful.apiserver.protocols import ExecOptions, LogOptions, PodRef
from wakeful.node import PodConnector, UsageMeter
from wakeful.node.runtime import ContainerStats
from wakeful.testing.node import a_pod
from wakeful.testing.runtime import Program


def ref(pod: Pod) -> PodRef:
    return PodRef(pod.metadata.namespace, pod.metadata.name, pod.metadata.uid)


async def read(connector: PodConnector, pod: Pod, **options: Any) -> str:
    chunks = connector.logs(ref(pod), LogOptions("app", **options))
    return b"".join([chunk async for chunk in chunks]).decode()


async def test_logs_of_this_run_and_the_one_before(stage: Any, container: Any) -> None:
    connector = PodConnector(stage.node)
    stage.runtime.programs["app"] = Program(output=["first run", "more"])
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)
        assert await read(connector, pod) == "first run\nmore\n"
        assert await read(connector, pod, tail_lines=1) == "more\n"
        with pytest.raises(BadRequestError, match='"app" in pod "web" not found'):
            await read(connector, pod, previous=True)

        stage.runtime.programs["app"] = Program(output=["second run"])
        stage.runtime.exit("web", "app", 1)
        pod = await stage.until(lambda p: p.is_ready and container(p).restart_count == 1)
        assert await read(connector, pod) == "second run\n"
        assert await read(connector, pod, previous=True) == "first run\nmore\n"

        stage.runtime.exit("web", "app", 1)
        pod = await stage.until(lambda p: p.is_ready and container(p).restart_count == 2)
        assert await read(connector, pod, previous=True) == "second run\n"
        assert not stage.node.log_path(pod.metadata.uid, "app", 0).exists()


async def test_followed_log_ends_with_its_container(stage: Any) -> None:
    """Lines come as they are written; the end of the run ends the stream."""
    connector = PodConnector(stage.node)
    stage.runtime.programs["app"] = Program(output=["hello"])
    async with stage.agent():
        await stage.world.given(a_pod(restartPolicy="Never"))
        pod = await stage.until(lambda p: p.is_ready)
        chunks = connector.logs(ref(pod), LogOptions("app", follow=True))
        assert await anext(chunks) == b"hello\n"

        path = stage.node.log_path(pod.metadata.uid, "app", 0)
        with path.open("a") as log:
            log.write("2026-01-01T00:00:00.000000000Z stdout F world\n")
        assert await anext(chunks) == b"world\n"
        stage.runtime.exit("web", "app", 0)
        assert [chunk async for chunk in chunks] == []
        pod = await stage.until(lambda p: p.status.phase == "Succeeded")
        assert await read(connector, pod) == "hello\nworld\n"


async def test_log_of_a_container_that_waits(stage: Any, waits_for: Any) -> None:
    stage.images.lack("app:1")
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: waits_for(p) == "ErrImagePull")
        why = "is waiting to start: trying and failing to pull image"
        with pytest.raises(BadRequestError, match=why):
            await read(PodConnector(stage.node), pod)


async def test_log_of_a_container_between_two_runs(stage: Any, waits_for: Any) -> None:
    """What has just ended is the present run and the one before."""
    stage.runtime.programs["app"] = Program(exits=1, output=["no database"])
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: waits_for(p) == "CrashLoopBackOff")
        connector = PodConnector(stage.node)
        assert await read(connector, pod) == "no database\n"
        assert await read(connector, pod, previous=True) == "no database\n"


async def test_exec_gives_output_and_exit_code(stage: Any) -> None:
    connector = PodConnector(stage.node)
    stage.runtime.exec_codes["ls", "/nowhere"] = 2
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)
        options = ExecOptions("app", ("ls", "/nowhere"))
        async with connector.execute(ref(pod), options) as session:
            output = [found async for found in session.output()]
            code = await session.wait()
        with pytest.raises(NotFoundError, match=r'container not found \("other"\)'):
            async with connector.execute(ref(pod), ExecOptions("other", ("ls",))):
                pass

    assert output == [(1, b"ls /nowhere")]
    assert code == 2


async def test_port_forward_reaches_the_pod(stage: Any) -> None:
    connector = PodConnector(stage.node)
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(answer, pod.status.pod_ip, 0)
        port = server.sockets[0].getsockname()[1]
        async with server, connector.connect(ref(pod), port) as stream:
            await stream.write(b"ping\n")
            assert await stream.read(100) == b"ping\n"
        with pytest.raises(InternalServerError, match=f"error forwarding port {port}"):
            async with connector.connect(ref(pod), port):
                pass


async def test_usage_in_the_shape_of_the_metrics_api(stage: Any) -> None:
    """CPU is what was used between two looks, memory what is used now."""
    meter = UsageMeter(stage.node)

    def used(cpu_seconds: float) -> None:
        stage.runtime.stats_of["app"] = ContainerStats(
            name="app", cpu_seconds=cpu_seconds, memory_bytes=8 << 20, rss_bytes=0, pids=1
        )

    async with stage.agent():
        await stage.world.given(a_pod())
        await stage.until(lambda p: p.is_ready)
        used(100.0)
        times = [stage.clock.monotonic()]
        await meter.pods()
        times.append(stage.clock.monotonic())
        await stage.clock.sleep(20)
        used(110.0)
        times.append(stage.clock.monotonic())
        (found,) = await meter.pods("default")
        times.append(stage.clock.monotonic())
        assert await meter.pods("elsewhere") == []

    assert (found["kind"], found["metadata"]["name"]) == ("PodMetrics", "web")
    (one,) = found["containers"]
    assert one["usage"]["memory"] == "8192Ki"
    took = 10e9 / int(one["usage"]["cpu"].removesuffix("n"))
    assert times[2] - times[1] - 0.01 <= took <= times[3] - times[0] + 0.01
    assert meter.node()["usage"]["memory"].endswith("Ki")


async def test_the_log_of_requests_is_the_gateways_lines_about_the_pod(
    stage: Any, tmp_path: Path
) -> None:
    """As their template has them, and until the Pod is gone."""

    def stored(pod: str, line: str) -> str:
        text = json.dumps({"line": line, "namespace": "default", "pod": pod})
        return f"2026-01-01T00:00:00.000000000Z stdout F {text}\n"

    log = tmp_path / "envoy.log"
    own = "2026-01-01T00:00:00.000000000Z stderr F [warning] about web\n"
    log.write_text(stored("web", "one") + own + stored("other", "two") + stored("web", "three"))
    connector = PodConnector(stage.node, log)
    async with stage.agent():
        await stage.world.given(a_pod())
        pod = await stage.until(lambda p: p.is_ready)

        async def lines(**options: Any) -> AsyncIterator[bytes]:
            async for chunk in connector.logs(ref(pod), LogOptions("queue-proxy", **options)):
                yield chunk

        assert [chunk async for chunk in lines()] == [b"one\nthree\n"]
        assert [chunk async for chunk in lines(tail_lines=1)] == [b"three\n"]
        followed = lines(follow=True)
        assert await anext(followed) == b"one\nthree\n"
        with log.open("a") as more:
            more.write(stored("other", "four") + stored("web", "five"))
        assert await anext(followed) == b"five\n"
        await stage.world.client.delete(Pod, "web", "default", grace_period_seconds=0)
        assert [chunk async for chunk in followed] == []
