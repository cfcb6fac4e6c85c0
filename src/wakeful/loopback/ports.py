"""Ports that are chosen before anybody listens on them, and kept for long."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Container
from pathlib import Path

HOST = "127.0.0.1"
_GIVEN_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 1025
_CHOICE, _TRIALS = 10_000, 100
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


def choose_port(host: str = HOST, *, taken: Container[int] = ()) -> int:
    """A free port that the kernel gives to nobody who does not ask for it.

    Who listens there may be away for a while, and comes back to the same port. One that the kernel
    had chosen could by then be the local end of anybody's connection.

    Raises:
        OSError: Nobody can listen at ``host``, or no port was found that is free.
    """
    first = _first_given_port()
    choice = min(_CHOICE, first - _LOWEST)
    for _ in range(_TRIALS):
        wanted = first - 1 - secrets.randbelow(choice) if choice > 0 else 0
        try:
            port = _bind_once(host, wanted)
        except OSError as err:
            if err.errno not in _TAKEN:
                raise
        else:
            if port not in taken:
                return port
    raise OSError(errno.EADDRINUSE, f"no free port was found at {host}")


def is_free(port: int, host: str = HOST, *, option: int | None = socket.SO_REUSEADDR) -> bool:
    """Whether somebody who sets this option of sockets could listen there now.

    Without ``SO_REUSEADDR`` connections that ended a moment ago keep the port; with
    ``SO_REUSEPORT`` another who set it, too, is not in the way.
    """
    try:
        _bind_once(host, port, option)
    except OSError:
        return False
    return True


def _bind_once(host: str, port: int, option: int | None = socket.SO_REUSEADDR) -> int:
    with socket.socket() as trial:
        if option is not None:
            trial.setsockopt(socket.SOL_SOCKET, option, 1)
        trial.bind((host, port))
        number: int = trial.getsockname()[1]
        return number


def _first_given_port() -> int:
    """Where the ports begin that the kernel chooses by itself; below them nobody gets one so."""
    try:
        return int(_GIVEN_PORTS.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
