"""Control groups of containers, version 1 or 2: limits, figures, freezing, killing.

One group for each container. Files are written directly; each call takes microseconds. Processes
get in by procd, before their program starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wakeful.node.runtime.types import ResourceLimits

V1_CONTROLLERS = ("memory", "cpu", "cpuacct", "pids", "freezer")
_V2_CONTROLLERS = ("memory", "cpu", "pids")
_PERIOD_US = 100_000


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


def cpu_shares(millis: int) -> int:
    """The weight for version 1, as the kubelet computes it."""
    return max(2, min(262_144, millis * 1024 // 1000))


def cpu_weight(shares: int) -> int:
    """The weight for version 2 that corresponds to ``shares``."""
    return 1 + (shares - 2) * 9999 // 262_142


def cpu_quota_us(millis: int) -> int:
    """Microseconds in each period of a tenth of a second; no fewer than 1000."""
    return max(1000, millis * _PERIOD_US // 1000)


def _write(path: Path | str, value: str) -> None:
    # One write, as control files want it, and without the layers of a text file.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def _read(path: Path | str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16).decode("ascii", "replace")
    finally:
        os.close(fd)


def _fields(path: Path) -> dict[str, int]:
    found = {}
    for line in _read(path).splitlines():
        key, _, value = line.partition(" ")
        with contextlib.suppress(ValueError):
            found[key] = int(value)
    return found


def _remove_tree(root: Path) -> None:
    if not root.is_dir():
        return
    for child in root.iterdir():
        if child.is_dir():
            _remove_tree(child)
    # A group whose last process has just died refuses for a moment; what stays is empty and is
    # removed at the next start.
    with contextlib.suppress(OSError):
        root.rmdir()


def _kill_tree(root: Path) -> None:
    """Kill until nobody is left who could fork."""
    for _ in range(100):
        pids = []
        for directory, _, files in os.walk(root):
            if "cgroup.procs" in files:
                with contextlib.suppress(OSError):
                    pids += [int(p) for p in _read(Path(directory) / "cgroup.procs").split()]
        if not pids:
            return
        for pid in pids:
            if pid > 0:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


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
            _write(f"{groups['memory']}/memory.limit_in_bytes", str(limits.memory_bytes))
            with contextlib.suppress(OSError):  # without swap accounting there is no such file
                _write(f"{groups['memory']}/memory.memsw.limit_in_bytes", str(limits.memory_bytes))
        if "cpu" in groups:
            if limits.cpu_millis is not None:
                _write(f"{groups['cpu']}/cpu.cfs_period_us", str(_PERIOD_US))
                _write(f"{groups['cpu']}/cpu.cfs_quota_us", str(cpu_quota_us(limits.cpu_millis)))
            if limits.cpu_request_millis is not None:
                _write(f"{groups['cpu']}/cpu.shares", str(cpu_shares(limits.cpu_request_millis)))
        if limits.pids is not None and "pids" in groups:
            _write(f"{groups['pids']}/pids.max", str(limits.pids))
        return list(groups.values())

    def remove(self, name: str) -> None:
        """Remove the group, killing what is in it."""
        self.kill(name)
        for root in self._roots.values():
            _remove_tree(root / name)

    def usage(self, name: str) -> Usage | None:
        """Measure, or None when the group does not exist."""
        try:
            cpu = int(_read(self._roots["cpuacct"] / name / "cpuacct.usage")) / 1e9
            memory = self._roots["memory"] / name
            stat = _fields(memory / "memory.stat")
            used = int(_read(memory / "memory.usage_in_bytes"))
            pids = int(_read(self._roots["pids"] / name / "pids.current"))
        except (OSError, KeyError, ValueError):
            return None
        working_set = max(0, used - stat.get("total_inactive_file", 0))
        return Usage(cpu, working_set, stat.get("total_rss", 0), pids)

    def oom_kills(self, name: str) -> int:
        """How many processes died for lack of memory."""
        try:
            fields = _fields(self._roots["memory"] / name / "memory.oom_control")
        except (OSError, KeyError):
            return 0
        return fields.get("oom_kill", 0)

    def freeze(self, name: str, frozen: bool) -> None:
        """Stop or continue everything in it."""
        _write(self._roots["freezer"] / name / "freezer.state", "FROZEN" if frozen else "THAWED")

    def is_frozen(self, name: str) -> bool:
        """Whether it was told to stop."""
        try:
            return _read(self._roots["freezer"] / name / "freezer.state").strip() != "THAWED"
        except (OSError, KeyError):
            return False

    def is_settled(self, name: str) -> bool:
        """Whether every process in it has obeyed."""
        try:
            return _read(self._roots["freezer"] / name / "freezer.state").strip() != "FREEZING"
        except (OSError, KeyError):
            return True

    def kill(self, name: str) -> None:
        """Kill every process in it, frozen ones too."""
        with contextlib.suppress(OSError, KeyError):
            if self.is_frozen(name):
                self.freeze(name, False)
        _kill_tree(self._roots.get("pids", next(iter(self._roots.values()))) / name)

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
            _kill_tree(root)
            _remove_tree(root)


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
            _write(self._root / "cpu.weight", str(min(10_000, 100 * (os.cpu_count() or 1))))

    @staticmethod
    def _hand_down(directory: Path) -> None:
        enabled = _read(directory / "cgroup.subtree_control").split()
        missing = [f"+{name}" for name in _V2_CONTROLLERS if name not in enabled]
        if missing:
            _write(directory / "cgroup.subtree_control", " ".join(missing))

    def create(self, name: str, limits: ResourceLimits) -> list[str]:
        """Make the group; return the directory that a process has to enter."""
        directory = self._root / name
        directory.mkdir(exist_ok=True)
        if limits.memory_bytes is not None:
            _write(directory / "memory.max", str(limits.memory_bytes))
            with contextlib.suppress(OSError):
                _write(directory / "memory.swap.max", "0")
        if limits.cpu_millis is not None:
            _write(directory / "cpu.max", f"{cpu_quota_us(limits.cpu_millis)} {_PERIOD_US}")
        if limits.cpu_request_millis is not None:
            shares = cpu_shares(limits.cpu_request_millis)
            _write(directory / "cpu.weight", str(cpu_weight(shares)))
        if limits.pids is not None:
            _write(directory / "pids.max", str(limits.pids))
        return [str(directory)]

    def remove(self, name: str) -> None:
        """Remove the group, killing what is in it."""
        self.kill(name)
        _remove_tree(self._root / name)

    def usage(self, name: str) -> Usage | None:
        """Measure, or None when the group does not exist."""
        directory = self._root / name
        try:
            cpu = _fields(directory / "cpu.stat")["usage_usec"] / 1e6
            used = int(_read(directory / "memory.current"))
            stat = _fields(directory / "memory.stat")
            pids = int(_read(directory / "pids.current"))
        except (OSError, KeyError, ValueError):
            return None
        working_set = max(0, used - stat.get("inactive_file", 0))
        return Usage(cpu, working_set, stat.get("anon", 0), pids)

    def oom_kills(self, name: str) -> int:
        """How many processes died for lack of memory."""
        try:
            return _fields(self._root / name / "memory.events").get("oom_kill", 0)
        except OSError:
            return 0

    def freeze(self, name: str, frozen: bool) -> None:
        """Stop or continue everything in it."""
        _write(self._root / name / "cgroup.freeze", "1" if frozen else "0")

    def is_frozen(self, name: str) -> bool:
        """Whether it was told to stop."""
        try:
            return _read(self._root / name / "cgroup.freeze").strip() == "1"
        except OSError:
            return False

    def is_settled(self, name: str) -> bool:
        """Whether every process in it has obeyed."""
        try:
            reached = _fields(self._root / name / "cgroup.events").get("frozen", 0) == 1
        except OSError:
            return True
        return reached == self.is_frozen(name)

    def kill(self, name: str) -> None:
        """Kill every process in it, frozen ones too."""
        directory = self._root / name
        try:
            _write(directory / "cgroup.kill", "1")
        except OSError:
            _kill_tree(directory)

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
            _remove_tree(self._root)


def find_cgroups(
    key: str,
    pid: int | str = "self",
    *,
    mounts: Path = Path("/proc/self/mounts"),
    proc: Path = Path("/proc"),
) -> tuple[CgroupTree | None, str]:
    """Return the groups this process may make, or None and the reason.

    They lie below those of process ``pid`` (procd, which everything is a child of), so that limits
    put on the whole platform hold for its containers as well.
    """
    v1, v2 = _mounted(mounts)
    own = _membership(proc / str(pid) / "cgroup")
    name = f"wakeful-{key}"
    if "memory" in v1:
        roots = {
            controller: v1[controller] / own.get(controller, "/").lstrip("/") / name
            for controller in V1_CONTROLLERS
            if controller in v1
        }
        try:
            for root in roots.values():
                root.mkdir(exist_ok=True)
            if "cpu" in roots:
                # Our containers together weigh as much as one program on each processor does, not
                # as one program.
                _write(roots["cpu"] / "cpu.shares", str(1024 * (os.cpu_count() or 1)))
        except OSError as error:
            return None, f"control groups are not writable ({error.strerror}: {error.filename})"
        shown = {
            word: v1[word] / own.get(word, "/").lstrip("/") for word in ("cpuset",) if word in v1
        }
        return CgroupV1(roots, shown), ""
    if v2 is None:
        return None, "control groups are not mounted"
    # Controllers can be handed down only by groups that have no processes of their own: the
    # root, or the (delegated) group above ours.
    above = v2 / own.get("", "/").lstrip("/")
    problem = ""
    for parent in dict.fromkeys((v2, above.parent)):
        tree = CgroupV2(parent / name)
        try:
            tree.prepare()
        except OSError as error:
            problem = f"control groups cannot be made in {parent} ({error.strerror})"
            with contextlib.suppress(OSError):
                (parent / name).rmdir()
        else:
            return tree, ""
    return None, problem


def find_leftovers(key: str, *, mounts: Path = Path("/proc/self/mounts")) -> CgroupTree | None:
    """Return the groups of an installation wherever they are, as no process of it is left to ask.

    Only for one that does not run any more: whatever is in them still may be killed.
    """
    v1, v2 = _mounted(mounts)
    name = f"wakeful-{key}"
    found = {
        controller: _find_below(v1[controller], name)
        for controller in V1_CONTROLLERS
        if controller in v1
    }
    roots = {controller: root for controller, root in found.items() if root is not None}
    if roots:
        return CgroupV1(roots)
    root = _find_below(v2, name) if v2 is not None else None
    return CgroupV2(root) if root is not None else None


def _find_below(mount: Path, name: str) -> Path | None:
    for directory, children, _ in os.walk(mount):
        if name in children:
            return Path(directory, name)
    return None


def _mounted(path: Path) -> tuple[dict[str, Path], Path | None]:
    v1: dict[str, Path] = {}
    v2 = None
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields[2] == "cgroup2":
            v2 = v2 or Path(fields[1])
        elif fields[2] == "cgroup":
            for option in fields[3].split(","):
                if option in (*V1_CONTROLLERS, "cpuset"):
                    v1.setdefault(option, Path(fields[1]))
    return v1, v2


def _membership(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        _, names, group = line.split(":", 2)
        for name in names.split(","):
            found[name] = group
    return found
