"""Thresholds of probes, and how eagerly a booting container is asked."""

from __future__ import annotations

import asyncio
import socket

import pytest

from wakeful.apis.core.pod_types import Container, Probe
from wakeful.node.environment import ContainerConfigError
from wakeful.node.plan import resolve_port, stop_signal
from wakeful.node.probes import (
    Attempt,
    Prober,
    ProbeState,
    Timing,
    Verdict,
    boot_interval,
    eager_interval,
)
from wakeful.testing.runtime import FakeRuntime


def test_verdict_turns_after_so_many_in_a_row() -> None:
    state = ProbeState(success_threshold=1, failure_threshold=3)

    verdicts = [state.observe(ok) for ok in (True, False, False, True, False, False, False)]

    assert verdicts == [Verdict.PASSED] * 6 + [Verdict.FAILED]


def test_success_threshold_counts_too() -> None:
    state = ProbeState(success_threshold=2, failure_threshold=1)

    assert state.observe(True) is Verdict.UNDECIDED
    assert state.observe(True) is Verdict.PASSED


def test_period_zero_is_aggressive_probing() -> None:
    timing = Timing.of(Probe(period_seconds=0))

    assert timing.aggressive
    assert timing.timeout == 0.1
    assert timing.period == 10


def test_booting_container_is_asked_every_few_milliseconds() -> None:
    asked, at = 0, 0.0
    while at < 0.1:
        at += eager_interval(asked)
        asked += 1

    assert asked > 20
    assert eager_interval(10_000) <= 0.02


def test_ports_by_number_name_and_default() -> None:
    container = Container.from_wire(
        {"name": "c", "ports": [{"name": "web", "containerPort": 8081}]}
    )

    assert resolve_port(0, container) == 8081
    assert resolve_port("web", container) == 8081
    assert resolve_port(9, container) == 9
    with pytest.raises(ContainerConfigError, match="couldn't find port: 'admin'"):
        resolve_port("admin", container)


def test_user_port_follows_the_environment() -> None:
    container = Container.from_wire({"name": "c", "env": [{"name": "PORT", "value": "9000"}]})

    assert resolve_port(None, container) == 9000
    assert resolve_port(None, Container(name="d")) == 8080


def test_slow_starter_is_asked_less_and_less_but_never_forgotten() -> None:
    assert boot_interval(0, 0.0, 10) < 0.001
    assert boot_interval(500, 5.0, 10) == 0.02
    assert boot_interval(500, 20.0, 10) == pytest.approx(0.2)
    assert boot_interval(500, 5000.0, 10) == 10
    assert boot_interval(0, 0.0, 10, spawns=True) >= 0.1


def test_signal_to_end_is_the_containers_then_the_images() -> None:
    plain = Container(name="c")
    own = Container.from_wire({"name": "c", "lifecycle": {"stopSignal": "SIGUSR1"}})

    assert stop_signal(plain, "SIGTERM") == 15
    assert stop_signal(plain, "QUIT") == 3
    assert stop_signal(plain, "9") == 9
    assert stop_signal(plain, "NONSENSE") == 15
    assert stop_signal(own, "SIGQUIT") == 10


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_tcp_probe_is_content_with_whoever_listens(host: str) -> None:
    prober = Prober(FakeRuntime(), "127.0.0.1", {})
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        probe = Probe.from_wire({"tcpSocket": {"port": port, "host": host}})
        attempt = prober.prepare(probe, Container(name="c"), "id")

        before = await attempt()
        listener.listen()
        after = await attempt()

    assert (before.success, after.success) == (False, True)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "HTTP probe failed with statuscode: 503"),
        (b"", "{get}EOF"),
        (b"\n", '{get}malformed HTTP response ""'),
        (b"SSH-2.0 200\r\n", '{get}malformed HTTP response "SSH-2.0 200"'),
        (b"HTTP/1.1 +20\r\n", '{get}malformed HTTP response "HTTP/1.1 +20"'),
    ],
)
async def test_http_probe_says_what_is_wrong_with_an_answer(answer: bytes, told: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        probe = Probe.from_wire({"httpGet": {"port": port, "path": "/up"}})
        attempt = Prober(FakeRuntime(), "127.0.0.1", {}).prepare(probe, Container(name="c"), "id")

        outcome = await attempt()

    get = f'Get "http://127.0.0.1:{port}/up": '
    assert outcome == Attempt(not told, told.format(get=get))
