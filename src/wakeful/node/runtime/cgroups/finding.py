"""Where the groups of an installation are, or may be made."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from wakeful.node.runtime.cgroups.files import write
from wakeful.node.runtime.cgroups.tree import CgroupTree
from wakeful.node.runtime.cgroups.version1 import CONTROLLERS, CgroupV1
from wakeful.node.runtime.cgroups.version2 import CgroupV2


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
        return _make_version1(v1, own, name)
    if v2 is not None:
        return _make_version2(v2, own, name)
    return None, "control groups are not mounted"


def _make_version1(
    mounted: Mapping[str, Path], own: Mapping[str, str], name: str
) -> tuple[CgroupTree | None, str]:
    here = {
        controller: mount / own.get(controller, "/").lstrip("/")
        for controller, mount in mounted.items()
    }
    roots = {
        controller: here[controller] / name for controller in CONTROLLERS if controller in here
    }
    try:
        for root in roots.values():
            root.mkdir(exist_ok=True)
        if "cpu" in roots:
            # Our containers together weigh as much as one program on each processor does, not
            # as one program.
            write(roots["cpu"] / "cpu.shares", str(1024 * (os.cpu_count() or 1)))
    except OSError as error:
        return None, f"control groups are not writable ({error.strerror}: {error.filename})"
    return CgroupV1(roots, {word: here[word] for word in ("cpuset",) if word in here}), ""


def _make_version2(mount: Path, own: Mapping[str, str], name: str) -> tuple[CgroupTree | None, str]:
    # Controllers can be handed down only by groups that have no processes of their own: the
    # root, or the (delegated) group above ours.
    above = mount / own.get("", "/").lstrip("/")
    problem = ""
    for parent in dict.fromkeys((mount, above.parent)):
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
        for controller in CONTROLLERS
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
                if option in (*CONTROLLERS, "cpuset"):
                    v1.setdefault(option, Path(fields[1]))
    return v1, v2


def _membership(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        _, names, group = line.split(":", 2)
        for name in names.split(","):
            found[name] = group
    return found
