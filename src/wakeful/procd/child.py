"""The child between fork and exec, and what it reports to its parent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import struct
import termios

from wakeful.procd import linux
from wakeful.procd.errors import LaunchError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from wakeful.procd.cgroups import Cgroups
    from wakeful.procd.spec import Spec

DEFAULT_SIGNALS = [n for n in range(1, 32) if n not in (signal.SIGKILL, signal.SIGSTOP)]
"""All that can be: what whoever started the platform ignores (nohup does, and scripts in the
background) is none of the programs' business."""


class Child:
    """A forked copy of this process that is to become what ``spec`` describes.

    Everything it needs is found before the fork: ``programs`` are the paths to try, ``fds`` maps
    its numbers to ours, ``limits`` are (resource, soft, hard), ``netns`` is a network namespace to
    enter or -1, ``namespaces`` are more of them by kind, and ``result`` is where it reports.
    """

    def __init__(
        self,
        spec: Spec,
        programs: list[str],
        fds: dict[int, int],
        limits: list[tuple[int, int, int]],
        netns: int,
        namespaces: list[tuple[int, int]],
        cgroups: Cgroups,
        result: int,
    ) -> None:
        self._spec, self._programs, self._fds, self._limits = spec, programs, fds, limits
        self._netns, self._namespaces = netns, namespaces
        self._cgroups, self._result = cgroups, result
        self._stage = "session"

    def run(self) -> NoReturn:
        """Called in the child; never returns, never imports."""
        try:
            self._become()
        except BaseException as error:  # noqa: BLE001 - the parent is told, this process ends
            number = getattr(error, "errno", None) or 5
            os.write(self._result, failure_report(number, self._stage))
        finally:
            os._exit(127)

    def _become(self) -> None:
        spec = self._spec
        signal.set_wakeup_fd(-1)
        for default in DEFAULT_SIGNALS:
            signal.signal(default, signal.SIG_DFL)
        self._stage = "control group"
        self._cgroups.move(spec.cgroups)
        self._stage = "limits"
        for kind, soft, hard in self._limits:
            resource.setrlimit(kind, (soft, hard))
        os.umask(spec.umask)
        self._stage = "namespaces"
        self._enter_namespaces()
        self._stage = "session"
        os.setsid()
        for target, source in self._fds.items():
            os.dup2(source, target)
        if spec.terminal:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self._stage = "working directory"
        os.chdir(spec.cwd)
        self._stage = "user"
        self._change_user()
        if spec.die_with_parent:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        self._stage = "exec"
        for path in self._programs:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.execve(path, spec.argv, spec.env)  # noqa: S606 - no shell is meant
        raise FileNotFoundError(2, "")

    def _enter_namespaces(self) -> None:
        """Entering a pid namespace takes one more fork: the real child is the one that goes on."""
        if self._netns >= 0:
            linux.setns(self._netns, linux.CLONE_NEWNET)
        for fd, kind in self._namespaces:
            linux.setns(fd, kind)
        if self._namespaces:
            pid = linux.clone_as_sibling()
            if pid:
                os.write(self._result, pid_report(pid))
                os._exit(0)

    def _change_user(self) -> None:
        spec = self._spec
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
