"""The role of a pod network, and the one that is none."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """A pod's place in the network."""

    ip: str
    netns: str = ""
    """Name under which procd holds the network namespace; empty for the host's."""
    slot: int = -1


class PodNetwork(Protocol):
    """Hands out leases. ``start`` first, ``aclose`` leaves leases in force."""

    @property
    def cidr(self) -> str | None:
        """Range of the pods' addresses; None when they have the host's."""
        ...

    @property
    def gateway(self) -> str | None:
        """The host as pods see it."""
        ...

    @property
    def egress(self) -> bool:
        """Whether pods reach other machines."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is missing, and why."""
        ...

    async def start(self, adopted: list[Lease]) -> None:
        """Set up, keeping what belongs to ``adopted`` and removing other leftovers."""
        ...

    async def aclose(self) -> None:
        """Stop preparing networks."""
        ...

    async def destroy(self) -> None:
        """Undo what was done to the host; no lease is in use any more."""
        ...

    async def acquire(self) -> Lease:
        """Return a lease, at once when one is ready."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give it back; nothing runs in it any more."""
        ...

    async def open_socket(self, lease: Lease) -> socket.socket:
        """Return an unconnected, non-blocking TCP socket inside."""
        ...


class HostNetwork:
    """Pods share the host's network and are told apart by their ports."""

    cidr: str | None = None
    gateway: str | None = "127.0.0.1"
    egress = True

    def __init__(self, reason: str) -> None:
        self.notes: tuple[str, ...] = (f"pods share the host's network: {reason}",)

    async def start(self, adopted: list[Lease]) -> None:
        """Nothing to set up."""

    async def aclose(self) -> None:
        """Nothing to stop."""

    async def destroy(self) -> None:
        """Nothing to undo."""

    async def acquire(self) -> Lease:
        """Every pod is at the loopback address."""
        return Lease("127.0.0.1")

    async def release(self, lease: Lease) -> None:
        """Nothing to give back."""

    async def open_socket(self, lease: Lease) -> socket.socket:
        """A socket like any other."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        return sock
