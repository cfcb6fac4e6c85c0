"""The role: groups by name, whatever the kernel's version of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from wakeful.node.runtime.types import ResourceLimits

_SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group uses."""

    cpu_seconds: float
    memory_bytes: int
    rss_bytes: int
    pids: int


class CgroupTree(Protocol):
    """Groups of one installation, by name."""

    version: int

    def create(self, name: str, limits: ResourceLimits) -> list[str]:
        """Make the group; return the directories that a process has to enter."""
        ...

    def remove(self, name: str) -> None:
        """Remove the group, killing what is in it."""
        ...

    def usage(self, name: str) -> Usage | None:
        """Measure, or None when the group does not exist."""
        ...

    def oom_kills(self, name: str) -> int:
        """How many processes died for lack of memory."""
        ...

    def freeze(self, name: str, frozen: bool) -> None:
        """Stop or continue everything in it."""
        ...

    def is_frozen(self, name: str) -> bool:
        """Whether it was told to stop."""
        ...

    def is_settled(self, name: str) -> bool:
        """Whether every process in it has obeyed the last ``freeze``."""
        ...

    def kill(self, name: str) -> None:
        """Kill every process in it."""
        ...

    def binds(self, name: str) -> list[tuple[str, str]]:
        """What to show inside (read-only): directory → its place in the container."""
        ...

    def names(self) -> list[str]:
        """Return the groups that exist."""
        ...

    def destroy(self) -> None:
        """Remove everything of this installation."""
        ...


async def settle(tree: CgroupTree, names: Iterable[str]) -> None:
    """Return once every process of these groups has obeyed the last ``freeze``.

    Raises:
        TimeoutError: One does not; it may be held in the kernel.
    """
    async with asyncio.timeout(_SETTLE_SECONDS):
        for name in names:
            while not tree.is_settled(name):  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.001)
