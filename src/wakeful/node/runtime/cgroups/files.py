"""Control files and the directories around them."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def write(path: Path | str, value: str) -> None:
    """Write with one call, as control files want it, without the layers of a text file."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def read(path: Path | str) -> str:
    """Read a file of at most 64 kB with one call."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16).decode("ascii", "replace")
    finally:
        os.close(fd)


def read_fields(path: Path) -> dict[str, int]:
    """Read lines of a name and a number; others are left out."""
    found = {}
    for line in read(path).splitlines():
        key, _, value = line.partition(" ")
        with contextlib.suppress(ValueError):
            found[key] = int(value)
    return found


def remove_tree(root: Path) -> None:
    """Remove a group and those in it, as far as they are empty."""
    if not root.is_dir():
        return
    for child in root.iterdir():
        if child.is_dir():
            remove_tree(child)
    # A group whose last process has just died refuses for a moment; what stays is empty and is
    # removed at the next start.
    with contextlib.suppress(OSError):
        root.rmdir()


def kill_tree(root: Path) -> None:
    """Kill until nobody is left who could fork."""
    for _ in range(100):
        pids = []
        for directory, _, files in os.walk(root):
            if "cgroup.procs" in files:
                with contextlib.suppress(OSError):
                    pids += [int(p) for p in read(Path(directory) / "cgroup.procs").split()]
        if not pids:
            return
        for pid in pids:
            if pid > 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
