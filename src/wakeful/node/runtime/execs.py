"""Programs started beside a container's main one, with their streams."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import secrets
import struct
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress

from wakeful.node.runtime.types import ExecConfig
from wakeful.procd.client import ProcdClient, ProcdError
from wakeful.procd.types import FdSource, PassedFd, ProcessSpec

_READ_LIMIT = 1 << 20


class _PtyReaderProtocol(asyncio.StreamReaderProtocol):
    """A terminal whose other side is gone answers EIO; that is its end, not a failure."""

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, OSError) and exc.errno == errno.EIO:
            exc = None
        super().connection_lost(exc)


async def open_reader(fd: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Read from a pipe or terminal that becomes the transport's."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(_READ_LIMIT)
    file = os.fdopen(fd, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: _PtyReaderProtocol(reader), file)
    return reader, transport


async def open_writer(fd: int) -> asyncio.StreamWriter:
    """Write to a pipe or terminal that becomes the transport's."""
    loop = asyncio.get_running_loop()
    file = os.fdopen(fd, "wb", buffering=0)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), file
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)


def set_size(fd: int, rows: int, columns: int) -> None:
    """Tell a terminal how large it is; its foreground program gets SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Streams:
    """Both ends of an exec's standard streams: ours and the child's."""

    def __init__(self, *, tty: bool, stdin: bool, rows: int, columns: int) -> None:
        self._open: list[int] = []
        self.master = -1
        self.child: dict[int, int] = {}
        """The child's number → its end here; closed by ``close_child_ends``."""
        self.ours: dict[int, int] = {}
        if tty:
            self.master, slave = os.openpty()
            self._open += [self.master, slave]
            set_size(slave, rows, columns)
            self.child = {0: slave, 1: slave, 2: slave}
            return
        for number in (0, 1, 2):
            if number == 0 and not stdin:
                continue
            read, write = os.pipe()
            self._open += [read, write]
            self.child[number], self.ours[number] = (read, write) if number == 0 else (write, read)

    def sources(self) -> dict[int, FdSource]:
        """What procd is to pass on."""
        return {number: PassedFd(fd) for number, fd in self.child.items()}

    def close_child_ends(self) -> None:
        """Once the child has its own."""
        for fd in set(self.child.values()):
            os.close(fd)
            self._open.remove(fd)
        self.child = {}

    def give_away(self, fd: int) -> int:
        """Hand one of our ends to a transport."""
        self._open.remove(fd)
        return fd

    def close(self) -> None:
        """Close what nobody has taken."""
        for fd in self._open:
            os.close(fd)
        self._open = []


class ProcdExec:
    """An ``ExecProcess`` whose process is procd's child."""

    def __init__(self, procd: ProcdClient, name: str) -> None:
        self._procd, self._name = procd, name
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout = asyncio.StreamReader()
        self.stderr: asyncio.StreamReader | None = None
        self._transports: list[asyncio.ReadTransport] = []
        self._terminal = -1
        self._closed = False

    async def connect(self, streams: Streams, *, stdin: bool) -> None:
        """Take over our ends of ``streams``."""
        if streams.master >= 0:
            self._terminal = os.dup(streams.master)
            if stdin:
                self.stdin = await open_writer(os.dup(streams.master))
            self.stdout, transport = await open_reader(streams.give_away(streams.master))
            self._transports.append(transport)
            return
        if 0 in streams.ours:
            self.stdin = await open_writer(streams.give_away(streams.ours[0]))
        self.stdout, transport = await open_reader(streams.give_away(streams.ours[1]))
        self.stderr, other = await open_reader(streams.give_away(streams.ours[2]))
        self._transports += [transport, other]

    async def wait(self) -> int:
        """Return the exit code."""
        status = await self._procd.wait(self._name)
        return status.exit_code if status.exit_code is not None else 255

    async def signal(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended."""
        await self._procd.signal(self._name, number)

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal its new size."""
        if self._terminal >= 0:
            set_size(self._terminal, rows, columns)

    async def aclose(self) -> None:
        """Close the streams and kill the program if it still runs."""
        if self._closed:
            return
        self._closed = True
        if self.stdin is not None:
            self.stdin.close()
        for transport in self._transports:
            transport.close()
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1
        with suppress(ProcdError):
            await self._procd.kill(self._name)
            await self._procd.remove(self._name)


async def start_exec(
    procd: ProcdClient,
    container_id: str,
    config: ExecConfig,
    make_spec: Callable[[str, Mapping[int, FdSource]], ProcessSpec],
) -> ProcdExec:
    """Start what ``make_spec`` makes of a name at procd and the child's streams.

    Raises:
        ProcdError: It could not be started.
    """
    name = f"exec/{container_id}/{secrets.token_hex(4)}"
    streams = Streams(tty=config.tty, stdin=config.stdin, rows=config.rows, columns=config.columns)
    process = ProcdExec(procd, name)
    try:
        await procd.spawn(make_spec(name, streams.sources()))
        streams.close_child_ends()
        await process.connect(streams, stdin=config.stdin)
    except BaseException:
        await process.aclose()
        raise
    finally:
        streams.close()
    return process
