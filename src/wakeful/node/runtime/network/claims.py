"""Which bridges are in use: a file for each, which procd keeps locked as long as it lives."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wakeful.node.runtime.network import egress
from wakeful.node.runtime.network.errors import NetworkError
from wakeful.node.runtime.network.netlink import Netlink

_LOCK = "/run/wakeful-network.lock"
_CLAIMS = Path("/run")
_BRIDGE = re.compile(r"wk[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class BridgeNames:
    """What this installation calls its interfaces; eight hex digits keep installations apart."""

    key: str

    @property
    def bridge(self) -> str:
        """The bridge."""
        return f"wk{self.key}"

    @property
    def claim(self) -> Path:
        """A file that is locked as long as this installation lives."""
        return claim_of(self.bridge)

    @property
    def mac(self) -> bytes:
        """The bridge's hardware address, locally administered."""
        return b"\x02\x57" + bytes.fromhex(self.key)

    def veth(self, slot: int) -> str:
        """The host's end of a pod's cable (at most 15 characters)."""
        return f"wk{self.key}{slot:x}"


def claim_of(bridge: str) -> Path:
    """Return the file whose lock says that ``bridge`` is in use."""
    return _CLAIMS / f"wakeful-{bridge}.lock"


def try_lock(path: Path, *, create: bool) -> int | None:
    """Return a descriptor that holds the lock, or None when somebody else does.

    Raises:
        FileNotFoundError: There is no such file, and none was to be made.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    fd = os.open(path, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep two installations that start at the same moment from choosing the same range."""
    fd = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def remove_dead_bridges(netlink: Netlink, *, but: str) -> None:
    """Remove what installations left behind that were killed together with their procd."""
    links = {link.name: link.index for link in netlink.links()}
    for claim in _CLAIMS.glob("wakeful-wk*.lock"):
        name = claim.name.removeprefix("wakeful-").removesuffix(".lock")
        if _BRIDGE.fullmatch(name) and name != but:
            _remove_if_dead(name, netlink, links)


async def remove_dead_bridge(key: str) -> None:
    """Remove the bridge and the translation of an installation that was killed with its procd."""
    bridge = BridgeNames(key).bridge

    def remove() -> bool:
        with one_at_a_time(), Netlink() as netlink:
            links = {link.name: link.index for link in netlink.links()}
            return _remove_if_dead(bridge, netlink, links)

    if claim_of(bridge).exists() and await asyncio.to_thread(remove):
        await egress.disable(bridge)


def _remove_if_dead(bridge: str, netlink: Netlink, links: Mapping[str, int]) -> bool:
    """Remove a bridge if nobody holds its claim; return whether somebody had it."""
    claim = claim_of(bridge)
    try:
        lock = try_lock(claim, create=False)
    except OSError:
        return False
    if lock is None:
        return False
    claim.unlink(missing_ok=True)
    os.close(lock)
    if bridge in links:
        with contextlib.suppress(NetworkError):
            netlink.delete(links[bridge])
    return True
