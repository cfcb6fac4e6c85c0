"""What serves functions, as a process."""

from __future__ import annotations

import asyncio
import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wakeful.oci.build.launcher as launcher
from wakeful.testing.ports import held_port
from wakeful.testing.waiting import eventually

FUNCTION = "def handle(context): return context.request.body"


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("function")
    (directory / "func.py").write_text(FUNCTION)
    program = shutil.copy(launcher.__file__, directory)
    with held_port() as number:
        process = subprocess.Popen(
            [sys.executable, Path(program).name],
            cwd=directory,
            env=os.environ | {"PORT": str(number)},
            stderr=subprocess.PIPE,
        )
        asyncio.run(eventually(lambda: listens(number)))
        yield number
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert errors == b""


def test_bodies_in_chunks(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(2):
        connection.request("POST", "/", iter([b"first ", b"second"]))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"first second")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: x", b""),
        (b"Content-Length: -1", b""),
        (b"Content-Length: 5", b"ab"),
        (b"Transfer-Encoding: gzip", b"ab"),
        (b"Transfer-Encoding: chunked", b"zz\r\n"),
        (b"Transfer-Encoding: chunked", b"1\r\nabc\r\n"),
        (b"Content-Type: application/cloudevents+json\r\nContent-Length: 3", b'"\xff"'),
        (
            b"Content-Type: application/cloudevents+json\r\nContent-Length: 99999",
            b"[" * 99_999,
        ),
    ],
)
def test_what_is_wrong_is_refused_with_a_reason(port: int, head: bytes, body: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.partition(b"\r\n\r\n")[2]
