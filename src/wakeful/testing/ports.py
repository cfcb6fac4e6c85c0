"""Ports for programs that have to be told one, and for servers that are not there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port(address: str = "127.0.0.1") -> Iterator[int]:
    """A port at an address of the loopback that the kernel gives to nobody else meanwhile.

    It is bound and not listened on: who connects is refused. A program that sets ``SO_REUSEADDR``,
    as nearly every server does, or ``SO_REUSEPORT``, as Envoy does, may listen on it; Linux allows
    that while the holder does not, and counts neither when it chooses a port for somebody.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((address, 0))
        port: int = holder.getsockname()[1]
        yield port
