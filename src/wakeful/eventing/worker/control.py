"""How the event process tells its state, and hears that there is a new plan: lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

_DEBOUNCE_SECONDS = 0.02
_LONGEST_LINE = 64 * 1024 * 1024


@dataclass(slots=True)
class ControlServer:
    """Sends the state to everybody who listens, whenever it changed."""

    path: Path
    state: Callable[[], dict[str, Any]]
    on_reload: Callable[[], None]
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: set[asyncio.StreamWriter] = field(default_factory=set)

    def changed(self) -> None:
        """There is news."""
        self._changed.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        self.path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, self.path)
        self.path.chmod(0o600)
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(_DEBOUNCE_SECONDS)
                self._changed.clear()
                line = orjson.dumps(self.state()) + b"\n"
                for writer in self._listeners:
                    writer.write(line)
        finally:
            server.close()
            for writer in self._listeners:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._listeners.add(writer)
        writer.write(orjson.dumps(self.state()) + b"\n")
        try:
            while line := await reader.readline():
                match line.strip():
                    case b"reload":
                        self.on_reload()
                    case b"state":
                        writer.write(orjson.dumps(self.state()) + b"\n")
        except (ConnectionError, ValueError):
            pass
        finally:
            self._listeners.discard(writer)
            writer.close()


@dataclass(slots=True)
class ControlClient:
    """The other end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reload(self) -> None:
        """Say that there is a new plan."""
        self.writer.write(b"reload\n")

    def ask(self) -> None:
        """Ask for the state."""
        self.writer.write(b"state\n")

    async def states(self) -> AsyncIterator[dict[str, Any]]:
        """The state now and whenever it changes, until the process ends."""
        with contextlib.suppress(ConnectionError):
            while line := await self.reader.readline():
                yield orjson.loads(line)


@contextlib.asynccontextmanager
async def open_control(path: Path) -> AsyncIterator[ControlClient]:
    """Connect to the event process.

    Raises:
        OSError: It does not run.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{folder}/{path.name}"  # however long the path of the directory is
        reader, writer = await asyncio.open_unix_connection(short, limit=_LONGEST_LINE)
    finally:
        os.close(folder)
    try:
        yield ControlClient(reader, writer)
    finally:
        writer.close()


async def read_state(path: Path, seconds: float = 2.0) -> dict[str, Any] | None:
    """What the event process says now; None when it does not answer."""
    try:
        async with asyncio.timeout(seconds), open_control(path) as control:
            async for state in control.states():
                return state
    except (OSError, TimeoutError, ValueError):
        return None
    return None
