"""Writable layers for images: a few empty ones are kept ready.

Making a directory on a disk that is busy with somebody's ``fsync`` takes milliseconds, which a cold
start can do without.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import structlog

from wakeful.node.runtime import idmap
from wakeful.node.runtime.trees import remove_tree

log = structlog.get_logger("wakeful.node.runtime")

_QUIET_SECONDS = 0.5
"""How long to wait before refilling: who took a layer is starting just now."""


class LayerPool:
    """Directories with an empty ``upper`` and ``work``; ``start`` first, ``aclose`` last."""

    def __init__(self, root: Path, *, size: int, mapped: bool) -> None:
        self._root, self._size, self._mapped = root, size, mapped
        self._ready: deque[Path] = deque()
        self._refilling: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    async def start(self, used: Collection[str]) -> None:
        """Remove what is not in ``used`` and make new ones."""
        await asyncio.to_thread(self._prepare, used)

    def _prepare(self, used: Collection[str]) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._root.iterdir():
            if str(path) not in used:
                remove_tree(path)
        self._fill()

    def _fill(self) -> None:
        while len(self._ready) < self._size:
            self._ready.append(self._make())

    def _make(self) -> Path:
        path = self._root / secrets.token_hex(8)
        for name in ("upper", "work"):
            (path / name).mkdir(parents=True)
        (path / "upper").chmod(0o755)
        if self._mapped:
            os.chown(path / "upper", idmap.FIRST_ID, idmap.FIRST_ID)
        return path

    def take(self) -> Path:
        """Return a layer that is the caller's from now on."""
        layer = self._ready.popleft() if self._ready else self._make()
        if self._refilling is None or self._refilling.done():
            self._refilling = asyncio.create_task(self._refill(), name="runtime:layer-pool")
        return layer

    async def _refill(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUIET_SECONDS):
                await self._ending.wait()
        if self._ending.is_set():
            return
        try:
            await asyncio.to_thread(self._fill)
        except OSError:
            # Not fatal: ``take`` makes them one by one, and tells its caller.
            log.exception("layer pool not filled")

    async def aclose(self) -> None:
        """Stop refilling; what is ready stays for the next ``start`` to remove."""
        self._ending.set()
        if self._refilling is not None:
            await asyncio.wait([self._refilling])
