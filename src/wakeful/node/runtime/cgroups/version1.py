"""Version 1: a hierarchy for each controller."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from wakeful.node.runtime.cgroups.files import kill_tree, read, read_fields, remove_tree, write
from wakeful.node.runtime.cgroups.limits import PERIOD_US, cpu_quota_us, cpu_shares
from wakeful.node.runtime.cgroups.tree import Usage
from wakeful.node.runtime.types import ResourceLimits

CONTROLLERS = ("memory", "cpu", "cpuacct", "pids", "freezer")


class CgroupV1:
    """One hierarchy for each controller; ``roots`` has the directory of ours in each.

    ``shown`` are other hierarchies that programs look for before they believe in the limits.
    """

    version = 1

    def __init__(self, roots: Mapping[str, Path], shown: Mapping[str, Path] | None = None) -> None:
        self._roots, self._shown = dict(roots), dict(shown or {})

    def create(self, name: str, limits: ResourceLimits) -> list[str]:
        """Make the group; return the directories that a process has to enter."""
        groups = {controller: f"{root}/{name}" for controller, root in self._roots.items()}
        for group in groups.values():
            with contextlib.suppress(FileExistsError):
                os.mkdir(group)  # noqa: PTH102
        if limits.memory_bytes is not None and "memory" in groups:
            write(f"{groups['memory']}/memory.limit_in_bytes", str(limits.memory_bytes))
            with contextlib.suppress(OSError):  # without swap accounting there is no such file
                write(f"{groups['memory']}/memory.memsw.limit_in_bytes", str(limits.memory_bytes))
        if "cpu" in groups:
            if limits.cpu_millis is not None:
                write(f"{groups['cpu']}/cpu.cfs_period_us", str(PERIOD_US))
                write(f"{groups['cpu']}/cpu.cfs_quota_us", str(cpu_quota_us(limits.cpu_millis)))
            if limits.cpu_request_millis is not None:
                write(f"{groups['cpu']}/cpu.shares", str(cpu_shares(limits.cpu_request_millis)))
        if limits.pids is not None and "pids" in groups:
            write(f"{groups['pids']}/pids.max", str(limits.pids))
        return list(groups.values())

    def remove(self, name: str) -> None:
        """Remove the group, killing what is in it."""
        self.kill(name)
        for root in self._roots.values():
            remove_tree(root / name)

    def usage(self, name: str) -> Usage | None:
        """Measure, or None when the group does not exist."""
        try:
            cpu = int(read(self._roots["cpuacct"] / name / "cpuacct.usage")) / 1e9
            memory = self._roots["memory"] / name
            stat = read_fields(memory / "memory.stat")
            used = int(read(memory / "memory.usage_in_bytes"))
            pids = int(read(self._roots["pids"] / name / "pids.current"))
        except (OSError, KeyError, ValueError):
            return None
        working_set = max(0, used - stat.get("total_inactive_file", 0))
        return Usage(cpu, working_set, stat.get("total_rss", 0), pids)

    def oom_kills(self, name: str) -> int:
        """How many processes died for lack of memory."""
        try:
            fields = read_fields(self._roots["memory"] / name / "memory.oom_control")
        except (OSError, KeyError):
            return 0
        return fields.get("oom_kill", 0)

    def freeze(self, name: str, frozen: bool) -> None:
        """Stop or continue everything in it."""
        write(self._roots["freezer"] / name / "freezer.state", "FROZEN" if frozen else "THAWED")

    def is_frozen(self, name: str) -> bool:
        """Whether it was told to stop."""
        try:
            return read(self._roots["freezer"] / name / "freezer.state").strip() != "THAWED"
        except (OSError, KeyError):
            return False

    def is_settled(self, name: str) -> bool:
        """Whether every process in it has obeyed."""
        try:
            return read(self._roots["freezer"] / name / "freezer.state").strip() != "FREEZING"
        except (OSError, KeyError):
            return True

    def kill(self, name: str) -> None:
        """Kill every process in it, frozen ones too."""
        with contextlib.suppress(OSError, KeyError):
            if self.is_frozen(name):
                self.freeze(name, False)
        kill_tree(self._roots.get("pids", next(iter(self._roots.values()))) / name)

    def binds(self, name: str) -> list[tuple[str, str]]:
        """What to show inside."""
        binds = [
            (f"{self._roots[controller]}/{name}", f"/sys/fs/cgroup/{controller}")
            for controller in ("memory", "cpu", "cpuacct", "pids")
            if controller in self._roots
        ]
        shown = self._shown.items()
        return [*binds, *((str(path), f"/sys/fs/cgroup/{word}") for word, path in shown)]

    def names(self) -> list[str]:
        """Return the groups that exist."""
        roots = [root for root in self._roots.values() if root.is_dir()]
        return sorted({path.name for root in roots for path in root.iterdir() if path.is_dir()})

    def destroy(self) -> None:
        """Remove everything of this installation."""
        for name in self.names():
            self.remove(name)
        for root in self._roots.values():
            kill_tree(root)
            remove_tree(root)
