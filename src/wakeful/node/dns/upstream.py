"""The host's own resolvers, asked about every name that is not ours."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

_PORT = 53
_UDP_SECONDS = 2.0
_TCP_SECONDS = 5.0
_LARGEST = 65535


def parse_nameservers(text: str) -> list[str]:
    """The addresses in a resolv.conf."""
    lines = (line.split() for line in text.splitlines())
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


class NoAnswerError(Exception):
    """None of the resolvers answered."""


class HostResolvers:
    """Passes questions on as they are, and answers back, over the protocol they came by."""

    def __init__(self, path: Path = Path("/etc/resolv.conf"), *, port: int = _PORT) -> None:
        self._path, self._port = path, port

    def servers(self) -> Sequence[str]:
        """Who is asked, in order; read anew each time, as networks change."""
        try:
            return parse_nameservers(self._path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return ()

    async def ask(self, question: bytes, *, tcp: bool) -> bytes:
        """Return the first resolver's answer.

        Raises:
            NoAnswerError: There is none, or none answers in time.
        """
        for server in self.servers():
            try:
                if tcp:
                    async with asyncio.timeout(_TCP_SECONDS):
                        return await self._ask_tcp(server, question)
                async with asyncio.timeout(_UDP_SECONDS):
                    return await self._ask_udp(server, question)
            except (OSError, asyncio.IncompleteReadError):  # TimeoutError is an OSError
                continue
        raise NoAnswerError

    async def _ask_udp(self, server: str, question: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            # Connected, so that the kernel drops what others send; the port is a random one.
            await loop.sock_connect(client, (server, self._port))
            await loop.sock_sendall(client, question)
            while True:
                answer = await loop.sock_recv(client, _LARGEST)
                if answer[:2] == question[:2]:
                    return answer

    async def _ask_tcp(self, server: str, question: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(server, self._port)
        try:
            writer.write(struct.pack("!H", len(question)) + question)
            await writer.drain()
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            return await reader.readexactly(size)
        finally:
            writer.close()
