"""Version 2: the unified hierarchy."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from wakeful.node.runtime.cgroups.files import kill_tree, read, read_fields, remove_tree, write
from wakeful.node.runtime.cgroups.limits import PERIOD_US, cpu_quota_us, cpu_shares, cpu_weight
from wakeful.node.runtime.cgroups.tree import Usage
from wakeful.node.runtime.types import ResourceLimits

_CONTROLLERS = ("memory", "cpu", "pids")


class CgroupV2:
    """The unified hierarchy; ``root`` is our directory, with controllers on for its children."""

    version = 2

    def __init__(self, root: Path) -> None:
        self._root = root

    def prepare(self) -> None:
        """Make our directory and hand the controllers down; raises ``OSError``."""
        self._root.mkdir(exist_ok=True)
        self._hand_down(self._root.parent)
        self._hand_down(self._root)
        with contextlib.suppress(OSError):
            write(self._root / "cpu.weight", str(min(10_000, 100 * (os.cpu_count() or 1))))

    @staticmethod
    def _hand_down(directory: Path) -> None:
        enabled = read(directory / "cgroup.subtree_control").split()
        missing = [f"+{name}" for name in _CONTROLLERS if name not in enabled]
        if missing:
            write(directory / "cgroup.subtree_control", " ".join(missing))

    def create(self, name: str, limits: ResourceLimits) -> list[str]:
        """Make the group; return the directory that a process has to enter."""
        directory = self._root / name
        directory.mkdir(exist_ok=True)
        if limits.memory_bytes is not None:
            write(directory / "memory.max", str(limits.memory_bytes))
            with contextlib.suppress(OSError):
                write(directory / "memory.swap.max", "0")
        if limits.cpu_millis is not None:
            write(directory / "cpu.max", f"{cpu_quota_us(limits.cpu_millis)} {PERIOD_US}")
        if limits.cpu_request_millis is not None:
            shares = cpu_shares(limits.cpu_request_millis)
            write(directory / "cpu.weight", str(cpu_weight(shares)))
        if limits.pids is not None:
            write(directory / "pids.max", str(limits.pids))
        return [str(directory)]

    def remove(self, name: str) -> None:
        """Remove the group, killing what is in it."""
        self.kill(name)
        remove_tree(self._root / name)

    def usage(self, name: str) -> Usage | None:
        """Measure, or None when the group does not exist."""
        directory = self._root / name
        try:
            cpu = read_fields(directory / "cpu.stat")["usage_usec"] / 1e6
            used = int(read(directory / "memory.current"))
            stat = read_fields(directory / "memory.stat")
            pids = int(read(directory / "pids.current"))
        except (OSError, KeyError, ValueError):
            return None
        working_set = max(0, used - stat.get("inactive_file", 0))
        return Usage(cpu, working_set, stat.get("anon", 0), pids)

    def oom_kills(self, name: str) -> int:
        """How many processes died for lack of memory."""
        try:
            return read_fields(self._root / name / "memory.events").get("oom_kill", 0)
        except OSError:
            return 0

    def freeze(self, name: str, frozen: bool) -> None:
        """Stop or continue everything in it."""
        write(self._root / name / "cgroup.freeze", "1" if frozen else "0")

    def is_frozen(self, name: str) -> bool:
        """Whether it was told to stop."""
        try:
            return read(self._root / name / "cgroup.freeze").strip() == "1"
        except OSError:
            return False

    def is_settled(self, name: str) -> bool:
        """Whether every process in it has obeyed."""
        try:
            reached = read_fields(self._root / name / "cgroup.events").get("frozen", 0) == 1
        except OSError:
            return True
        return reached == self.is_frozen(name)

    def kill(self, name: str) -> None:
        """Kill every process in it, frozen ones too."""
        directory = self._root / name
        try:
            write(directory / "cgroup.kill", "1")
        except OSError:
            kill_tree(directory)

    def binds(self, name: str) -> list[tuple[str, str]]:
        """What to show inside."""
        return [(f"{self._root}/{name}", "/sys/fs/cgroup")]

    def names(self) -> list[str]:
        """Return the groups that exist."""
        return sorted(path.name for path in self._root.iterdir() if path.is_dir())

    def destroy(self) -> None:
        """Remove everything of this installation."""
        if self._root.is_dir():
            self.kill("")
            remove_tree(self._root)
