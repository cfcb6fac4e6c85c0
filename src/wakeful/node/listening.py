"""Where a program listens, to tell why nobody answers at the port that it was given."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_LISTENING = "0A"
_WORD = 8
"""Hexadecimal digits of 32 bits, which the kernel writes in its own byte order."""

_LOOK_SECONDS = 0.5
_NOT_YET = "the program does not listen on any port yet"


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """A TCP socket that takes connections."""

    port: int
    host: str

    @property
    def is_loopback(self) -> bool:
        """Whether only programs beside it can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def explain_refusal(listeners: Iterable[Listener], port: int) -> str:
    """What is wrong with a program whose ``port`` refuses, and what to do about it."""
    found = sorted(set(listeners))
    return explain_misplaced(found, port) if found else _NOT_YET


def explain_misplaced(listeners: Iterable[Listener], port: int) -> str:
    """The same about one that listens already, and empty about one that does not, or does there."""
    found = sorted(set(listeners))
    if not found:
        return ""
    here = [listener for listener in found if listener.port == port]
    if here and all(listener.is_loopback for listener in here):
        return (
            f"the program listens on {here[0]}, which nobody outside of it can reach; "
            "have it listen on 0.0.0.0"
        )
    if here:
        return ""
    numbers = list(dict.fromkeys(str(listener.port) for listener in found))
    ports = f"port{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
    return (
        f"the program listens on {ports}, not on {port}; have it listen on $PORT, "
        "or write its port as containerPort"
    )


class Looks:
    """When to look where a program listens that is booting, and whether to tell what is seen.

    A program may open one port before the other, so only what is seen twice is told, and only once.
    Times are seconds since it was first asked.
    """

    def __init__(self) -> None:
        self._next, self._seen, self._told = _LOOK_SECONDS, "", ""

    def is_due(self, elapsed: float) -> bool:
        """Whether it is time for another look; looking is not for every try."""
        if elapsed < self._next:
            return False
        self._next = elapsed + _LOOK_SECONDS
        return True

    def is_news(self, why: str) -> bool:
        """Take in what was seen; empty is nothing to tell of."""
        again, self._seen = why == self._seen, why
        if not why or not again or why == self._told:
            return False
        self._told = why
        return True


def listeners_of(pid: int) -> list[Listener] | None:
    """Every TCP socket that the Pod of a process listens on; None when that cannot be seen.

    In a network of its own that is everything there is; else what its process tree has.
    """
    try:
        proc = Path("/proc") / str(pid)
        if (proc / "ns/net").samefile("/proc/self/ns/net"):
            return list(_of_tree(psutil.Process(pid)))
        tables = (proc / "net" / name for name in ("tcp", "tcp6"))
        return [found for table in tables for found in parse_table(table.read_text())]
    except (OSError, psutil.Error):
        return None


def _of_tree(root: psutil.Process) -> Iterator[Listener]:
    for process in (root, *root.children(recursive=True)):
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                yield Listener(connection.laddr.port, connection.laddr.ip)


def parse_table(text: str) -> Iterator[Listener]:
    """The sockets that listen, of ``/proc/PID/net/tcp`` or ``tcp6``."""
    for line in text.splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        if state == _LISTENING:
            address, _, port = local.partition(":")
            yield Listener(int(port, 16), _parse_address(address))


def _parse_address(digits: str) -> str:
    words = [digits[start : start + _WORD] for start in range(0, len(digits), _WORD)]
    address = ipaddress.ip_address(b"".join(bytes.fromhex(word)[::-1] for word in words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
