"""Protocols: WebSocket, gRPC, streams, large bodies and the three timeouts, from zero and warm."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import grpc
import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import (
    AWAKE,
    FAST,
    Namespace,
    WebSocket,
    a_service,
)

MEGABYTE = 1 << 20
AUTOSCALING = "autoscaling.knative.dev/"


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace, grpc_image: str) -> Iterator[None]:
    """All services of this module; those whose names say so start at zero."""
    zero = FAST | {f"{AUTOSCALING}initial-scale": "0"}
    grpc_port = {"image": grpc_image, "ports": [{"name": "h2c", "containerPort": 8080}]}
    allowed = {"allow-zero-initial-scale": "true"}
    with namespace.platform.configured("config-autoscaler", allowed):
        namespace.apply(
            a_service("warm", annotations=AWAKE),
            a_service("short", annotations=AWAKE, timeoutSeconds=2),
            a_service(
                "starts", annotations=AWAKE, responseStartTimeoutSeconds=2, timeoutSeconds=20
            ),
            a_service("idles", annotations=AWAKE, idleTimeoutSeconds=2, timeoutSeconds=20),
            a_service("zero-websocket", annotations=zero),
            a_service("deleted", annotations=zero),
            a_service("zero-body", annotations=zero),
            a_service("zero-stream", annotations=zero),
            a_service("slow-start", annotations=zero, env={"START_DELAY": "60"}, timeoutSeconds=2),
            a_service("grpc", container=grpc_port, annotations={f"{AUTOSCALING}min-scale": "2"}),
            a_service("zero-grpc", container=grpc_port, annotations=zero),
        )
        namespace.ready(
            *("warm", "short", "starts", "idles", "zero-websocket", "zero-body", "zero-stream"),
            "deleted",
            *("slow-start", "grpc", "zero-grpc"),
        )
        yield


@contextmanager
def channel(namespace: Namespace, name: str) -> Iterator[grpc.Channel]:
    options = [("grpc.default_authority", namespace.host(name)), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(namespace.address, options=options) as opened:
        yield opened


def ping(opened: grpc.Channel, message: bytes, **options: Any) -> bytes:
    call = opened.unary_unary("/ping.PingService/Ping", None, None)
    return bytes(call(message, timeout=30, **options))


@pytest.mark.parametrize("name", ["warm", "zero-websocket"])
def test_websockets_echo(namespace: Namespace, name: str) -> None:
    with WebSocket(namespace, name) as chat:
        assert chat.status == 101
        assert chat.receive().startswith("World ")
        for text in ("one", "two", "x" * 1000):
            chat.send(text)
            assert chat.receive() == text


def test_open_websockets_count_as_load_and_stay(namespace: Namespace) -> None:
    """Silence is no reason to end an instance while somebody is connected to it.

    Another one that was asked once, and later, has gone by the time.
    """
    with WebSocket(namespace, "zero-websocket") as chat:
        assert chat.receive()
        namespace.ask("zero-stream")
        namespace.asleep("zero-stream")
        assert namespace.ready_pods("zero-websocket") == 1
        chat.send("still there")
        assert chat.receive() == "still there"


def test_a_deleted_service_may_close_its_websockets(namespace: Namespace) -> None:
    """Its program is told to end at once, not when its 300 seconds of grace are over."""
    with WebSocket(namespace, "deleted") as chat:
        assert chat.receive().startswith("World ")
        begun = time.monotonic()
        namespace.kubectl("delete", "ksvc/deleted", "--wait=false")

        assert chat.receive() == ""
        assert time.monotonic() - begun < 60


def test_timeouts_of_websockets(namespace: Namespace) -> None:
    """Ended when they take longer than a request may, or are silent for too long."""
    with ExitStack() as stack:
        names = ("short", "starts", "idles")
        chats = [stack.enter_context(WebSocket(namespace, name)) for name in names]
        for chat in chats:
            assert chat.receive().startswith("World ")
        begun = time.monotonic()
        assert [chat.receive() for chat in chats] == [""] * 3
        assert time.monotonic() - begun < 15


@pytest.mark.parametrize("name", ["grpc", "zero-grpc"])
def test_grpc_unary_and_streaming(namespace: Namespace, name: str) -> None:
    with channel(namespace, name) as opened:
        assert ping(opened, b"hello") == b"hello - pong"
        stream = opened.stream_stream("/ping.PingService/PingStream", None, None)
        numbers = [b"%d" % number for number in range(10)]
        assert list(stream(iter(numbers), timeout=30)) == [n + b" - pong" for n in numbers]


def test_grpc_streams_answer_while_they_are_open(namespace: Namespace) -> None:
    """A message is answered before the next is sent: nothing on the way collects them."""
    with channel(namespace, "grpc") as opened:
        sent: list[bytes] = []
        answered: list[bytes] = []

        def talk() -> Iterator[bytes]:
            for number in range(5):
                until(lambda n=number: len(answered) >= n)
                sent.append(b"%d" % number)
                yield sent[-1]

        for answer in opened.stream_stream("/ping.PingService/PingStream", None, None)(talk()):
            answered.append(answer)
        assert len(answered) == 5


def test_grpc_calls_of_one_connection_spread_over_instances(namespace: Namespace) -> None:
    with channel(namespace, "grpc") as opened:
        call = opened.unary_unary("/ping.PingService/Ping", None, None)
        answers = [call.with_call(b"x", timeout=30)[1] for _ in range(40)]
    instances = {dict(answer.trailing_metadata())["instance"] for answer in answers}
    assert len(instances) == 2


def test_grpc_status_and_trailers_arrive(namespace: Namespace) -> None:
    with channel(namespace, "grpc") as opened:
        with pytest.raises(grpc.RpcError) as raised:
            ping(opened, b"fail")
        assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert raised.value.details() == "asked to fail"
        _, call = opened.unary_unary("/ping.PingService/Ping", None, None).with_call(b"x")
        assert dict(call.trailing_metadata())["instance"]


def test_callers_may_speak_http_2(namespace: Namespace) -> None:
    answer = namespace.platform.curl(
        namespace.host("warm"), "/", "--http2-prior-knowledge", "-w", " %{http_version}"
    )
    assert answer.out == "Hello World!\n 2"


@pytest.mark.parametrize("name", ["warm", "zero-stream"])
def test_streams_arrive_piece_by_piece(namespace: Namespace, name: str) -> None:
    """Server-sent events: the first is read long before the last is written."""
    with closing(namespace.connect()) as connection:
        connection.request(
            "GET", "/stream?sse=1&n=5&gap=300", headers={"Host": namespace.host(name)}
        )
        response = connection.getresponse()
        assert response.getheader("Content-Type") == "text/event-stream"
        times: list[float] = []
        while line := response.readline():
            if line.strip():
                times.append(time.monotonic())
        assert len(times) == 5
        assert times[-1] - times[0] > 0.5


@pytest.mark.parametrize("name", ["warm", "zero-body"])
def test_a_hundred_megabytes_in_both_directions(namespace: Namespace, name: str) -> None:
    size = 100 * MEGABYTE
    block = b"y" * MEGABYTE
    up = namespace.ask(
        name, "/count", method="POST", body=(block for _ in range(100))
    )  # chunked, and while asleep held as it comes
    assert up.json() == {"bytes": size, "values": [ord("y")]}
    whole = namespace.ask(
        name, "/count", method="POST", body=block * 100, headers={"Content-Length": str(size)}
    )
    assert whole.json()["bytes"] == size
    assert len(namespace.ask(name, f"/big?bytes={size}").body) == size


@pytest.mark.parametrize("name", ["warm", "zero-body"])
def test_trailers_go_both_ways(namespace: Namespace, name: str) -> None:
    """Of HTTP/1.1, too, on the straight way and on that of a request that was held."""
    address, _, port = namespace.address.rpartition(":")
    with socket.create_connection((address, int(port)), timeout=60) as connection:
        connection.sendall(
            f"POST /trailers HTTP/1.1\r\nHost: {namespace.host(name)}\r\nConnection: close\r\n"
            "TE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            "3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n".encode()
        )
        with connection.makefile("rb") as file:
            answer = file.read().lower()
    assert answer.startswith(b"http/1.1 200")
    assert answer.endswith(b"x-sum: 7\r\n0\r\nx-said: x-sum: 7\r\n\r\n")


def test_expect_continue_is_answered(namespace: Namespace) -> None:
    answer = namespace.platform.curl(
        namespace.host("warm"), "/count", "-H", "Expect: 100-continue", "-d", "x" * 2000
    )
    assert '"bytes": 2000' in answer.out


def test_timeout_is_504_with_the_words_of_knative(namespace: Namespace) -> None:
    assert namespace.ask("short", "/?sleep=300").status == 200
    late = namespace.ask("short", "/?sleep=5000")
    assert (late.status, late.text) == (504, "request timeout")
    assert late.seconds > 1.8


def test_timeout_while_waiting_for_an_instance(namespace: Namespace) -> None:
    late = namespace.ask("slow-start", "/")
    assert (late.status, late.text) == (504, "activator request timeout")
    assert late.seconds > 1.8


def test_response_start_and_idle_timeouts(namespace: Namespace) -> None:
    """The first has no say once the response has begun, the second none while it goes on."""
    late = namespace.ask("starts", "/?sleep=15000")
    assert (late.status, late.text) == (504, "request timeout")
    assert late.seconds < 14
    assert namespace.ask("starts", "/stream?n=6&gap=500").text.count("data:") == 6
    idle = namespace.ask("idles", "/?sleep=15000")
    assert (idle.status, idle.text) == (504, "request timeout")
    assert idle.seconds < 14
    assert namespace.ask("idles", "/stream?n=6&gap=500").text.count("data:") == 6
