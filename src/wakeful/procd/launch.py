"""From a spec to a running child.

Two ways. The fast one is ``posix_spawn`` (vfork inside): whatever the child has to inherit (network
namespace, control groups, limits, directory, user) is put on this process for the moment, which is
sound because it has a single thread. The full one forks, for what only the child itself can do:
give up capabilities, enter another process' namespaces, take a terminal.
"""

from __future__ import annotations

import fcntl
import os
import resource

from wakeful.procd import linux
from wakeful.procd.child import DEFAULT_SIGNALS, Child
from wakeful.procd.errors import LaunchError, SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wakeful.procd.cgroups import Cgroups
    from wakeful.procd.spec import Spec

_SHIFT = 100
"""Descriptors are lifted above this number first, so that no target overwrites a source."""
_ENTERED = (
    ("mnt", linux.CLONE_NEWNS),
    ("ipc", linux.CLONE_NEWIPC),
    ("uts", linux.CLONE_NEWUTS),
    ("cgroup", linux.CLONE_NEWCGROUP),
    ("pid", linux.CLONE_NEWPID),
)


def find_program(spec: Spec) -> str:
    """Return the path of ``argv[0]`` as a shell with the spec's PATH would."""
    name = spec.argv[0]
    if "/" in name:
        return name
    for path in _candidates(spec):
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise LaunchError("exec", 2, name)


def _candidates(spec: Spec) -> list[str]:
    name = spec.argv[0]
    if "/" in name:
        return [name]
    path = spec.env.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return [f"{directory or '.'}/{name}" for directory in path.split(":")]


def lift(fds: dict[int, int]) -> dict[int, int]:
    """Duplicate the sources of ``fds`` (target → source) to high numbers."""
    return {
        target: fcntl.fcntl(source, fcntl.F_DUPFD_CLOEXEC, _SHIFT) for target, source in fds.items()
    }


_SOFT_NOFILE = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_own_limits() -> None:
    """Let this process hold as many descriptors as it may; children get the former limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _limits(spec: Spec) -> list[tuple[int, int, int]]:
    wanted = []
    for name, soft in {"nofile": _SOFT_NOFILE, **spec.rlimits}.items():
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is None:
            raise SpecError(f"rlimit {name!r} is unknown")
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            soft = hard if soft < 0 else min(soft, hard)
        wanted.append((number, soft, hard))
    return wanted


def spawn(spec: Spec, fds: dict[int, int], netns: int, home_netns: int, cgroups: Cgroups) -> int:
    """The fast way; return the pid. ``fds`` maps the child's numbers to ours."""
    program = find_program(spec)
    limits = _limits(spec)
    lifted = lift(fds)
    before = [(number, resource.getrlimit(number)) for number, _, _ in limits]
    back: list[str] = []
    moved = False
    umask = os.umask(spec.umask)
    stage, subject = "working directory", spec.cwd
    try:
        os.chdir(spec.cwd)
        stage, subject = "limits", ""
        for number, soft, hard in limits:
            resource.setrlimit(number, (soft, hard))
        stage, subject = "network namespace", spec.netns
        if netns >= 0:
            linux.setns(netns, linux.CLONE_NEWNET)
            moved = True
        stage, subject = "control group", ""
        back = cgroups.move(spec.cgroups)
        stage, subject = "user", ""
        _lend_user(spec)
        stage, subject = "exec", program
        return os.posix_spawn(
            program,
            spec.argv,
            spec.env,
            file_actions=[(os.POSIX_SPAWN_DUP2, src, dst) for dst, src in lifted.items()],
            setsid=True,
            resetids=spec.sets_user,
            setsigmask=[],
            setsigdef=DEFAULT_SIGNALS,
        )
    except OSError as error:
        raise LaunchError(stage, error.errno or 5, subject) from None
    finally:
        _restore_user(spec)
        cgroups.restore(back)
        if moved:
            linux.setns(home_netns, linux.CLONE_NEWNET)
        for number, pair in before:
            resource.setrlimit(number, pair)
        os.chdir("/")
        os.umask(umask)
        for fd in lifted.values():
            os.close(fd)


def _lend_user(spec: Spec) -> None:
    """Become the child's user in name only: its spawning resets effective ids to real ones."""
    if spec.sets_user:
        os.setgroups(spec.groups)
        gid = spec.gid if spec.gid is not None else spec.uid
        if gid is not None:
            os.setresgid(gid, -1, -1)
        if spec.uid is not None:
            os.setresuid(spec.uid, -1, -1)


def _restore_user(spec: Spec) -> None:
    if spec.sets_user:
        os.setresuid(0, -1, -1)
        os.setresgid(0, -1, -1)
        os.setgroups([])


def fork(
    spec: Spec, fds: dict[int, int], netns: int, cgroups: Cgroups, inside: int
) -> tuple[int, int]:
    """The full way; return the pid and a pipe that tells how it went.

    ``inside`` is the process whose namespaces to enter, or 0. The pipe yields the pid of the real
    child (when namespaces are entered), then ends, or tells the stage and number of an error.
    """
    limits = _limits(spec)
    lifted = lift(fds)
    namespaces = _open_namespaces(inside) if inside else []
    programs = _candidates(spec) if inside else [find_program(spec)]
    group = cgroups.unified(spec.cgroups)
    group_fd = os.open(group, os.O_RDONLY | os.O_CLOEXEC) if group else -1
    result_r, result_w = os.pipe()
    child = Child(spec, programs, lifted, limits, netns, namespaces, cgroups, result_w)
    try:
        pid = linux.clone_into_cgroup(group_fd) if group_fd >= 0 else os.fork()
        if pid == 0:
            child.run()
    finally:
        os.close(result_w)
        for fd in [*lifted.values(), *(fd for fd, _ in namespaces)]:
            os.close(fd)
        if group_fd >= 0:
            os.close(group_fd)
    os.set_blocking(result_r, False)
    return pid, result_r


def _open_namespaces(pid: int) -> list[tuple[int, int]]:
    """Descriptors to enter, in order: the network as we are, then the owner of the rest."""

    def ns(name: str) -> int:
        return os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC)

    def same(fd: int, path: str) -> bool:
        return os.path.samestat(os.fstat(fd), os.stat(path))

    opened = [(ns("net"), linux.CLONE_NEWNET)]
    inner = [(ns(name), kind) for name, kind in _ENTERED]
    user = ns("user")
    if not same(user, "/proc/self/ns/user"):
        owner = linux.owning_userns(inner[0][0])
        opened += [(owner, linux.CLONE_NEWUSER), *inner]
        if not os.path.samestat(os.fstat(owner), os.fstat(user)):
            opened.append((user, linux.CLONE_NEWUSER))
        else:
            os.close(user)
    else:
        os.close(user)
        opened += inner
    names = {linux.CLONE_NEWNET: "net", **{kind: name for name, kind in _ENTERED}}
    needed = []
    for fd, kind in opened:
        if kind != linux.CLONE_NEWUSER and same(fd, f"/proc/self/ns/{names[kind]}"):
            os.close(fd)
        else:
            needed.append((fd, kind))
    return needed
