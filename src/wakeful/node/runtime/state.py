"""A private directory in memory for what means nothing after a reboot.

What is written there on the way of a start never waits for a disk. procd holds a lock on it, so
that one left behind by an installation that was killed is recognised, and removed by the next.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from wakeful.node.runtime.trees import remove_tree
from wakeful.procd.client import ProcdClient

CLAIM = "claim/state"
_PLACES = ("/run", "/dev/shm")  # noqa: S108 - the directory in it is checked


async def claim_state(procd: ProcdClient, key: str) -> Path | None:
    """Return the directory, or None where there is no place for one: without root or tmpfs."""
    place = await asyncio.to_thread(_find_place)
    if place is None:
        return None
    path = _path(place, key)
    await asyncio.to_thread(_remove_dead, place, path)
    if CLAIM in await procd.held():
        return path if _is_ours(path) else None
    lock = _lock(path, create=True)
    if lock is None:
        return None
    try:
        await procd.hold(CLAIM, lock)
    finally:
        os.close(lock)
    return path


def _find_place(mounts: Path = Path("/proc/self/mounts")) -> Path | None:
    if os.geteuid() != 0:
        return None
    lines = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    in_memory = {fields[1] for fields in lines if fields[2] == "tmpfs"}
    return next((Path(place) for place in _PLACES if place in in_memory), None)


def _is_ours(path: Path) -> bool:
    """Whether nobody else made it, or can look into it."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o077


def _lock(path: Path, *, create: bool) -> int | None:
    with suppress(OSError):
        if create:
            path.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(path):
            return None
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return fd
    return None


def remove_dead_state(key: str) -> None:
    """Remove the directory of an installation that was killed."""
    place = _find_place()
    if place is not None:
        _remove_if_dead(_path(place, key))


def _remove_dead(place: Path, own: Path) -> None:
    for path in place.glob("wakeful-*.pods"):
        if path != own:
            _remove_if_dead(path)


def _remove_if_dead(path: Path) -> None:
    fd = _lock(path, create=False)
    if fd is not None:
        remove_tree(path)
        os.close(fd)


def _path(place: Path, key: str) -> Path:
    return place / f"wakeful-{key}.pods"
