"""What a container and its keeper have in common: a file of notes, or a plan and a socket."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from wakeful.node.runtime import ContainerConfig, Mount
from wakeful.node.zygote import hook
from wakeful.node.zygote.recording import LIMIT_BYTES, Recipe

HOOK_DIR = PurePosixPath("/run/wakeful/zygote")
_PATH = "PYTHONPATH"


@dataclass(slots=True)
class Notes:
    """A file in memory that an instance writes to and we read; ours until closed."""

    fd: int

    @classmethod
    def make(cls) -> Notes:
        """Open one."""
        fd = os.memfd_create("wakeful-zygote", os.MFD_CLOEXEC)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
        return cls(fd)

    def read(self) -> bytes:
        """Everything that was noted so far, within limits."""
        return os.pread(self.fd, LIMIT_BYTES, 0) if self.fd >= 0 else b""

    def close(self) -> None:
        """Let go."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextmanager
def parking(config: ContainerConfig, recipe: Recipe) -> Iterator[tuple[ContainerConfig, int]]:
    """Yield ``config`` with a hook that waits, and our end of its socket, which the taker closes.

    The other end is the caller's only within the context, in which the container is started.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        order = f"park:{os.fstat(theirs.fileno()).st_ino}:0"
        equipped = replace(
            _with_hook(config, order),
            data={**config.data, hook.PLAN_FD: recipe.plan()},
            passed={**config.passed, hook.CHANNEL_FD: theirs.fileno()},
        )
        yield equipped, ours.detach()


def recording(config: ContainerConfig, notes: Notes) -> ContainerConfig:
    """Return ``config`` with a hook that writes to ``notes``."""
    order = f"record:{os.fstat(notes.fd).st_ino}"
    return replace(_with_hook(config, order), passed={**config.passed, hook.CHANNEL_FD: notes.fd})


def _with_hook(config: ContainerConfig, order: str) -> ContainerConfig:
    path = str(HOOK_DIR)
    if present := config.env.get(_PATH):
        path = f"{path}:{present}"
    source = Path(hook.__file__)
    mount = Mount(source, HOOK_DIR / "sitecustomize.py", map_owners=False)
    return replace(
        config,
        env={**config.env, _PATH: path, hook.VARIABLE: order},
        mounts=(*config.mounts, mount),
    )
