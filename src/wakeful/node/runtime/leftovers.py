"""What a runtime has changed on this machine and could not undo, because its procd was killed."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import suppress
from pathlib import Path

from wakeful.aio import Backoff, retry
from wakeful.node.runtime.cgroups import find_leftovers
from wakeful.node.runtime.network.claims import remove_dead_bridge
from wakeful.node.runtime.network.errors import NetworkError
from wakeful.node.runtime.state import remove_dead_state

_ATTEMPTS = 8


class _NotEmptyError(Exception):
    """Processes in a group have not died yet."""


def installation_key(root: Path) -> str:
    """Eight hex digits that tell installations on one machine apart."""
    return f"{zlib.crc32(str(root.resolve()).encode()):08x}"


async def remove_leftovers(root: Path) -> None:
    """Remove the control groups, bridge, address translation and state of a runtime's directory.

    For one whose procd does not run. What may not be removed, as by another user, stays.
    """
    key = installation_key(root)

    def remove_groups() -> None:
        tree = find_leftovers(key)
        if tree is not None:
            tree.destroy()
            if find_leftovers(key) is not None:
                raise _NotEmptyError

    async def remove() -> None:
        await asyncio.to_thread(remove_groups)

    with suppress(_NotEmptyError, OSError):
        await retry(remove, _NotEmptyError, backoff=Backoff(base=0.05, cap=0.5), attempts=_ATTEMPTS)
    with suppress(NetworkError, OSError):
        await remove_dead_bridge(key)
    await asyncio.to_thread(remove_dead_state, key)
