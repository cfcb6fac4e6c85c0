"""The sample services that are built in, as processes: what they answer, and how they end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

import wakeful.oci.builtin.programs.serving_samples as samples
from wakeful.testing.ports import held_port
from wakeful.testing.services import Namespace, WebSocket

PROGRAM = Path(samples.__file__)


@dataclass
class Sample:
    """One that listens."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def host(self, name: str) -> str:
        return name

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        return connection.getresponse().read().decode()


Start = Callable[..., Sample]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str, **env: str) -> Sample:
        with held_port() as port:
            process = subprocess.Popen(
                [sys.executable, "-IS", str(PROGRAM), name],
                env=os.environ | env | {"PORT": str(port)},
            )
            started.append(process)
            deadline = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    return Sample(process, port)
                except OSError:
                    assert process.poll() is None, "it has ended"
                    assert time.monotonic() < deadline, "it does not listen"
                    time.sleep(0.02)

    yield begin
    for process in started:
        process.kill()
        process.wait()


def test_each_sample_answers_as_the_guides_show(start: Start) -> None:
    """The book compares these very lines."""
    assert start("hello", TARGET="Login Service").get("/") == "Hello Login Service!\n"
    rest = start("rest-api", RESOURCE="v2")
    assert rest.get("/") == "Welcome to the v2 app! \n"
    assert rest.get("/v2") == "v2 ticker not found!, require /v2/{ticker}\n"
    lines = start("autoscale").get("/?sleep=50&prime=10000&bloat=5").splitlines()
    assert lines[:2] == [
        "Allocated 5 Mb of memory.",
        "The largest prime less than 10000 is 9973.",
    ]
    assert 50 <= float(lines[2].removeprefix("Slept for ").split()[0]) < 10_000


def test_what_one_says_in_the_chat_all_hear(start: Start) -> None:
    """The two windows of the book."""
    sample = start("chat")
    room = cast(Namespace, sample)

    assert "new WebSocket(" in sample.get("/")
    with WebSocket(room, "chat", "/ws") as one, WebSocket(room, "chat", "/ws") as other:
        assert one.status == other.status == 101
        one.send("is anybody there?")
        assert one.receive() == other.receive() == "is anybody there?"
        other.send("yes, " * 100)
        assert one.receive() == other.receive() == "yes, " * 100


def test_what_is_being_answered_is_finished_before_the_end(start: Start) -> None:
    """An instance that is taken away fails nobody."""
    sample = start("autoscale")
    connection = http.client.HTTPConnection("127.0.0.1", sample.port, timeout=30)
    connection.request("GET", "/?sleep=1000")
    idle = http.client.HTTPConnection("127.0.0.1", sample.port, timeout=30)
    idle.request("GET", "/")
    idle.getresponse().read()  # and so the first one has been taken in

    sample.process.send_signal(signal.SIGTERM)

    assert connection.getresponse().read().startswith(b"Slept for 1")
    assert sample.process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab",
    ],
)
def test_what_is_no_request_is_refused(start: Start, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", start("hello").port), timeout=30) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_bodies_in_chunks_are_read_over(start: Start) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", start("hello").port, timeout=30)
    for _ in range(2):
        connection.request("POST", "/", iter([b"first ", b"x" * 100_000]))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"Hello World!\n")
