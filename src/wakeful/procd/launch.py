"""From a spec to a running child.

Two ways. The fast one is ``posix_spawn`` (vfork inside): whatever the child has to inherit (network
namespace, control groups, limits, directory, user) is put on this process for the moment, which is
sound because it has a single thread. The full one forks, for what only the child itself can do:
give up capabilities, enter another process' namespaces, take a terminal.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import struct
import termios

from wakeful.procd import linux
from wakeful.procd.spec import Spec, SpecError

_DEFAULT_SIGNALS = [n for n in range(1, 32) if n not in (signal.SIGKILL, signal.SIGSTOP)]
"""All that can be: what whoever started the platform ignores (nohup does, and scripts in the
background) is none of the programs' business."""
_SHIFT = 100
"""Descriptors are lifted above this number first, so that no target overwrites a source."""
_ENTERED = (
    ("mnt", linux.CLONE_NEWNS),
    ("ipc", linux.CLONE_NEWIPC),
    ("uts", linux.CLONE_NEWUTS),
    ("cgroup", linux.CLONE_NEWCGROUP),
    ("pid", linux.CLONE_NEWPID),
)


class LaunchError(Exception):
    """The program could not be started; ``stage`` says what was being done."""

    def __init__(self, stage: str, number: int, subject: str = "") -> None:
        super().__init__(f"{stage}: {os.strerror(number)}" + (f": {subject!r}" if subject else ""))
        self.stage, self.number = stage, number


class Cgroups:
    """Put a process into control groups, v1 or v2."""

    def __init__(self) -> None:
        self._home = self._find_home()

    @staticmethod
    def _find_home() -> dict[str, str]:
        mounts: dict[str, str] = {}
        try:
            with open("/proc/self/mounts", encoding="utf-8") as file:
                for line in file:
                    fields = line.split()
                    if fields[2] == "cgroup":
                        for option in fields[3].split(","):
                            mounts.setdefault(option, fields[1])
            home = {}
            with open("/proc/self/cgroup", encoding="utf-8") as file:
                for line in file:
                    _, names, path = line.rstrip("\n").split(":", 2)
                    for name in names.split(","):
                        if name in mounts:
                            home[mounts[name]] = mounts[name] + path.rstrip("/")
        except OSError:
            return {}
        return home

    def move(self, paths: list[str]) -> list[str]:
        """Move this (single-threaded) process; return where to go back to.

        Writing 0 to ``tasks`` moves the writer alone, which spares the kernel's global lock and
        the milliseconds it costs.
        """
        back = []
        for path in paths:
            root = next((mount for mount in self._home if path.startswith(mount + "/")), None)
            if root is None:
                continue
            if root.endswith("freezer") and _read(path + "/freezer.state").strip() != b"THAWED":
                raise LaunchError("control group", 11, path)
            _write(path + "/tasks", b"0")
            back.append(self._home[root])
        return back

    def unified(self, paths: list[str]) -> str | None:
        """Return the version 2 group among ``paths``, if any."""
        for path in paths:
            if os.path.exists(path + "/cgroup.controllers"):
                return path
        return None

    @staticmethod
    def restore(back: list[str]) -> None:
        """Return to where ``move`` came from."""
        for path in back:
            _write(path + "/tasks", b"0")


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def find_program(spec: Spec) -> str:
    """Return the path of ``argv[0]`` as a shell with the spec's PATH would."""
    name = spec.argv[0]
    if "/" in name:
        return name
    for path in _candidates(name, spec.env):
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    raise LaunchError("exec", 2, name)


def _candidates(name: str, env: dict[str, str]) -> list[str]:
    if "/" in name:
        return [name]
    path = env.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
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
            setsigdef=_DEFAULT_SIGNALS,
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


def main_pid(pid: int) -> int:
    """Return the user's process of a sandbox whose monitor is ``pid``; ``pid`` for others.

    The sandbox's tree is monitor → init → program → …; a young one may not have its program yet.
    """
    init = first_child(pid)
    return (first_child(init) or init) if init else pid


def is_set_up(pid: int) -> bool:
    """Whether the sandbox whose monitor is ``pid`` stands: its program has been forked."""
    init = first_child(pid)
    return bool(init and first_child(init))


def first_child(pid: int) -> int:
    """Return the eldest living child of ``pid``, or 0."""
    try:
        text = _read(f"/proc/{pid}/task/{pid}/children").split()
    except OSError:
        return 0
    return int(text[0]) if text else 0


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
    program = spec.argv[0] if inside else find_program(spec)
    group = cgroups.unified(spec.cgroups)
    group_fd = os.open(group, os.O_RDONLY | os.O_CLOEXEC) if group else -1
    result_r, result_w = os.pipe()
    try:
        pid = linux.clone_into_cgroup(group_fd) if group_fd >= 0 else os.fork()
        if pid == 0:
            _child(spec, program, lifted, limits, netns, namespaces, cgroups, result_w)
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


def _child(
    spec: Spec,
    program: str,
    lifted: dict[int, int],
    limits: list[tuple[int, int, int]],
    netns: int,
    namespaces: list[tuple[int, int]],
    cgroups: Cgroups,
    result: int,
) -> None:
    """Runs in the child; never returns, never imports."""
    stage = "session"
    try:
        signal.set_wakeup_fd(-1)
        for default in _DEFAULT_SIGNALS:
            signal.signal(default, signal.SIG_DFL)
        stage = "control group"
        cgroups.move(spec.cgroups)
        stage = "limits"
        for kind, soft, hard in limits:
            resource.setrlimit(kind, (soft, hard))
        os.umask(spec.umask)
        stage = "namespaces"
        if netns >= 0:
            linux.setns(netns, linux.CLONE_NEWNET)
        for fd, kind in namespaces:
            linux.setns(fd, kind)
        if namespaces:
            pid = linux.clone_as_sibling()
            if pid:
                os.write(result, pid_report(pid))
                os._exit(0)
        stage = "session"
        os.setsid()
        for target, source in lifted.items():
            os.dup2(source, target)
        if spec.terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        stage = "working directory"
        os.chdir(spec.cwd)
        stage = "user"
        uid = os.geteuid() if spec.uid is None else spec.uid
        if spec.gid is not None or spec.uid is not None:
            with contextlib.suppress(PermissionError):  # not allowed in a namespace of one user
                os.setgroups(spec.groups)
            gid = uid if spec.gid is None else spec.gid
            os.setresgid(gid, gid, gid)
        if spec.capabilities is not None:
            linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
            linux.bound_capabilities(spec.capabilities)
            if spec.uid is not None:
                linux.prctl(linux.PR_SET_KEEPCAPS, 1)
                os.setresuid(uid, uid, uid)
            linux.set_capabilities(spec.capabilities, ambient=bool(uid and spec.capabilities))
        elif spec.uid is not None:
            os.setresuid(uid, uid, uid)
        if spec.die_with_parent:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        stage = "exec"
        for path in _candidates(program, spec.env):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.execve(path, spec.argv, spec.env)  # noqa: S606 - no shell is meant
        raise FileNotFoundError(2, "")  # noqa: TRY301 - told to the parent below
    except BaseException as error:  # noqa: BLE001 - the parent is told, this process ends
        number = getattr(error, "errno", None) or 5
        os.write(result, failure_report(number, stage))
    finally:
        os._exit(127)


def pid_report(pid: int) -> bytes:
    """Tell which process is the real child: one that was forked once more."""
    return struct.pack("=cI", b"P", pid)


def failure_report(number: int, stage: str) -> bytes:
    """Tell at which stage a child failed, with the system's error number."""
    text = stage.encode()
    return struct.pack("=cIB", b"E", number, len(text)) + text


def read_result(data: bytes, spec: Spec) -> int:
    """Interpret what ``fork``'s pipe said; return the pid of the real child, or 0.

    Reports come in any order: a real child may have failed before its parent tells of it.

    Raises:
        LaunchError: The child could not be started.
    """
    pid, failure = 0, None
    while data:
        kind, number = struct.unpack_from("=cI", data)
        if kind == b"P":
            pid, data = number, data[5:]
        else:
            end = 6 + data[5]
            failure, data = (data[6:end].decode(), number), data[end:]
    if failure is not None:
        stage, number = failure
        subject = {"exec": spec.argv[0], "working directory": spec.cwd}.get(stage, "")
        raise LaunchError(stage, number, subject)
    return pid
