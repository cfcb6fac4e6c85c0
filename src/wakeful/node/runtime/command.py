"""From a plan to bubblewrap's arguments; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from wakeful.node.runtime.paths import HostView

ARGS_FD, USERNS_FD = 10, 11
MONITOR_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
"""For bubblewrap itself. The container's environment must not reach it: LD_PRELOAD is a variable
like any other."""


@dataclass(frozen=True, slots=True)
class Bind:
    """``source`` (outside) appears at ``target``."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class TmpfsAt:
    """A file system in memory."""

    target: str
    mode: int = 0o1777
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """A root made by bubblewrap itself: ``lower`` with changes in ``upper``; rootless only."""

    lower: str
    upper: str
    work: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPlan:
    """One container, in bubblewrap's terms. All places are resolved: no links on the way."""

    root: HostView | Bind | Overlay
    hidden: Sequence[str] = ()
    """Directories that must look empty."""
    closed: Sequence[str] = ()
    """Mounts to make read-only once everything is in place."""
    exploded: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """Directories of the host to rebuild from their entries (name, link text or empty), so that
    mount points can be made in them."""
    tmpfs: Sequence[TmpfsAt] = ()
    binds: Sequence[Bind] = ()
    read_only_root: bool = False
    cwd: str = "/"
    hostname: str = "localhost"
    uid: int = 0
    gid: int = 0
    capabilities: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    no_network: bool = False
    """Whether the program gets an empty network of its own."""
    shared_userns: bool = False
    """Whether a prepared user namespace comes on ``USERNS_FD``; else bubblewrap makes one."""


def bubblewrap_argv(program: str, argv: Sequence[str]) -> list[str]:
    """Return the visible command: secrets are in the arguments that come on ``ARGS_FD``."""
    return [program, "--args", str(ARGS_FD), "--", *argv]


def bubblewrap_arguments(plan: SandboxPlan) -> str:
    """Return the arguments for ``ARGS_FD``, each ended by a NUL."""
    args = [*_namespaces(plan), *_root(plan)]
    for directory in plan.hidden:
        args += ["--perms", "0000", "--size", "4096", "--tmpfs", directory]
    args += _system()
    places: list[tuple[str, list[str]]] = [(t.target, _tmpfs(t)) for t in plan.tmpfs]
    places += [(bind.target, _bind(bind)) for bind in plan.binds]
    for target, words in sorted(places, key=lambda place: place[0].count("/")):
        args += _parents(target) + words
    if plan.cwd != "/":
        args += [*_parents(plan.cwd), "--dir", plan.cwd]
    for directory in (*plan.closed, *plan.exploded):
        args += ["--remount-ro", directory]
    if plan.read_only_root:
        args += ["--remount-ro", "/"]
    args += ["--chdir", plan.cwd, "--clearenv"]
    for name, value in plan.env.items():
        args += ["--setenv", name, value]
    return "".join(f"{arg}\0" for arg in args)


def _namespaces(plan: SandboxPlan) -> list[str]:
    args = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    args += ["--unshare-cgroup-try", "--hostname", plan.hostname]
    if plan.no_network:
        args.append("--unshare-net")
    if plan.shared_userns:
        # Blocking on a namespace's descriptor fails at once, and then bubblewrap closes it, which
        # is the point: it would be left open for the program otherwise.
        args += ["--userns", str(USERNS_FD), "--block-fd", str(USERNS_FD)]
    else:
        args += ["--unshare-user"]
    args += ["--uid", str(plan.uid), "--gid", str(plan.gid), "--cap-drop", "ALL"]
    for name in plan.capabilities:
        args += ["--cap-add", f"CAP_{name}"]
    return args


def _root(plan: SandboxPlan) -> list[str]:
    match plan.root:
        case Bind(source):
            return ["--bind", source, "/"]
        case Overlay(lower, upper, work):
            return ["--overlay-src", lower, "--overlay", upper, work, "/"]
        case HostView(links, directories):
            args: list[str] = []
            for place, text in links:
                args += ["--symlink", text, place]
            for directory in directories:
                if directory not in plan.exploded:
                    args += ["--ro-bind", directory, directory]
            for directory, entries in plan.exploded.items():
                args += ["--perms", "0755", "--tmpfs", directory]
                for name, text in entries:
                    entry = f"{directory}/{name}"
                    args += ["--symlink", text, entry] if text else ["--ro-bind", entry, entry]
            args += ["--perms", "0755", "--dir", "/run", "--perms", "0755", "--dir", "/var"]
            args += ["--symlink", "/run", "/var/run"]
            return args
    raise AssertionError(plan.root)


def _system() -> list[str]:
    return [
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--tmpfs",
        "/dev/shm",  # noqa: S108 - inside
    ]


def _parents(target: str) -> list[str]:
    """Directories on the way, open to everybody inside; those that exist stay as they are."""
    args: list[str] = []
    for parent in reversed(PurePosixPath(target).parents[:-1]):
        args += ["--perms", "0755", "--dir", str(parent)]
    return args


def _tmpfs(place: TmpfsAt) -> list[str]:
    size = ["--size", str(place.size_bytes)] if place.size_bytes else []
    return ["--perms", f"{place.mode:04o}", *size, "--tmpfs", place.target]


def _bind(bind: Bind) -> list[str]:
    return ["--ro-bind" if bind.read_only else "--bind", bind.source, bind.target]
