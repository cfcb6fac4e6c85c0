"""The sample programs as processes: their server, and how they end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from wakeful.testing.ports import held_port

EVENT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as number:
        yield number


@pytest.fixture
def display(port: int) -> Iterator[subprocess.Popen[str]]:
    code = "from wakeful.eventing.samples.display import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, "it has ended"
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.02)
    yield process
    process.kill()
    process.communicate()


def test_keeps_connections_reads_chunks_and_ends_when_told(
    display: subprocess.Popen[str], port: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (204, b"")
    chunks = iter([b"first ", b"second"])
    connection.request("POST", "/", chunks, EVENT | {"Content-Type": "text/plain"})
    assert connection.getresponse().read() == b""
    connection.request("POST", "/", b"not an event")
    answer = connection.getresponse()
    assert answer.status == 400
    assert b"no known version" in answer.read()

    connection.close()
    display.send_signal(signal.SIGTERM)
    out, _ = display.communicate(timeout=60)
    assert display.returncode == 0
    assert out.endswith("Data,\n  first second\n")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: \xb2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\nab", 413),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nab", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", 400),
        (b"GET / HTTP/1.1\r\nx\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"x%d: a\r\n" % n for n in range(300)) + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_refused(
    display: subprocess.Popen[str], port: int, raw: bytes, status: int
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 %d " % status)
