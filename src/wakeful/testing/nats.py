"""A NATS server of one's own, on loopback, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from wakeful.eventbus.jetstream.server import (
    NatsPaths,
    find_nats_server,
    forget_access,
    load_or_make_access,
    write_config,
)
from wakeful.eventbus.natsserver import NatsServer


class NatsProcess:
    """A server over one directory; may be killed and started again. Its port is its own."""

    def __init__(self, root: Path) -> None:
        self.paths = NatsPaths(root)
        self.access, self._holder = _take_port(self.paths)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; whoever connects waits for it."""
        command = [str(find_nats_server()), "-c", str(write_config(self.paths, self.access))]
        with (self.paths.root / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As ``kill -9`` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it for good, and let go of its port."""
        self.kill()
        self._holder.close()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)


def _take_port(paths: NatsPaths) -> tuple[NatsServer, socket.socket]:
    """Where the server is going to be, and what keeps others from there while it is not."""
    while True:
        access = load_or_make_access(paths)
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", int(access.url.rpartition(":")[2])))
        except OSError:
            holder.close()
            forget_access(paths)
        else:
            return access, holder
