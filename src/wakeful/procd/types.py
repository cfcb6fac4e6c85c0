"""What clients say to procd and hear from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

IdMap = Sequence[tuple[int, int, int]]
"""User and group ids of a user namespace: inside, outside, count."""


class ProcessState(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    """It ended and will be started again."""
    EXITED = "exited"


class RestartMode(StrEnum):
    """When an ended process is started again."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Restart with a delay that doubles from ``base_seconds`` to ``cap_seconds``.

    A run longer than ``reset_after_seconds`` makes the next delay ``base_seconds`` again.
    """

    mode: RestartMode = RestartMode.ALWAYS
    base_seconds: float = 0.1
    cap_seconds: float = 10.0
    reset_after_seconds: float = 10.0

    def to_wire(self) -> dict[str, Any]:
        """Return the request's form."""
        return {
            "mode": self.mode.value,
            "base_s": self.base_seconds,
            "cap_s": self.cap_seconds,
            "reset_after_s": self.reset_after_seconds,
        }


class SignalTarget(StrEnum):
    """Who receives signals."""

    PROCESS = "process"
    GROUP = "group"
    MAIN = "main"
    """The program inside a bubblewrap sandbox, of which procd's child is only the monitor."""


@dataclass(frozen=True, slots=True)
class PassedFd:
    """A descriptor of the client; it stays the client's, the child gets a duplicate."""

    fd: int


@dataclass(frozen=True, slots=True)
class DataFd:
    """A file in memory that the child can read once."""

    data: str


@dataclass(frozen=True, slots=True)
class UserNamespaceFd:
    """A user namespace with this mapping, which processes of user ``owner`` may enter."""

    idmap: IdMap
    owner: int


FdSource = PassedFd | DataFd | UserNamespaceFd


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTarget:
    """A file in the CRI log format; ``path.1`` is the youngest of the rotated ones."""

    path: Path
    max_bytes: int = 10 * 1024 * 1024
    max_files: int = 5

    def to_wire(self) -> dict[str, Any]:
        """Return the request's form."""
        return {
            "path": str(self.path),
            "max_bytes": self.max_bytes,
            "max_files": self.max_files,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A program to run, and how."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment; nothing is inherited."""
    cwd: Path = Path("/")
    umask: int = 0o022
    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] = ()
    capabilities: int | None = None
    """Bit mask of what is left; also sets no_new_privs. None changes nothing."""
    stdin: str = "null"
    """``null`` (at EOF) or ``pipe`` (open, never written)."""
    stdout: str = "log"
    """``log``, ``null`` or ``inherit``."""
    stderr: str = "log"
    """``log``, ``null``, ``inherit`` or ``stdout``."""
    log: LogTarget | None = None
    """Without it, ``log`` means ``null``."""
    terminal: bool = False
    """Descriptor 0 becomes the controlling terminal; made by procd unless passed in ``fds``."""
    fds: Mapping[int, FdSource] = field(default_factory=dict)
    """The child's number → what it is; wins over stdin, stdout and stderr."""
    netns: str = ""
    """Name under which a network namespace is held (``ProcdClient.hold``)."""
    cgroups: Sequence[Path | str] = ()
    rlimits: Mapping[str, int] = field(default_factory=dict)
    """Soft limits such as ``nofile``; -1 or too much is the hard limit."""
    restart: Restart | None = None
    signal_to: SignalTarget = SignalTarget.PROCESS
    stop_signal: int = 15
    stop_grace_seconds: float = 10.0
    shutdown_rank: int = 0
    """``shutdown`` stops lower ranks first."""
    die_with_parent: bool = False
    """Killed when procd is killed."""
    stage: str = ""
    """Place on the stage that is cleared once the sandbox made from it stands: it has its own
    copies by then, and every mount here would make the next sandbox slower."""
    enter: str = ""
    """Name of a process whose namespaces to run in."""
    owned: bool = False
    """Killed when this client disconnects."""
    auto_remove: bool = False
    """Forgotten as soon as it has ended."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Given back in every status."""

    def digest(self) -> str:
        """Return the same text for the same spec, whoever makes it."""
        wire, _ = self.to_wire()
        return hashlib.sha256(json.dumps(wire, sort_keys=True).encode()).hexdigest()

    def to_wire(self) -> tuple[dict[str, Any], list[int]]:
        """Return the request's form and the descriptors to send with it."""
        fds, passed = _fds_to_wire(self.fds)
        wire: dict[str, Any] = {
            "name": self.name,
            "argv": list(self.argv),
            "env": dict(self.env),
            "cwd": str(self.cwd),
            "umask": self.umask,
            "uid": self.uid,
            "gid": self.gid,
            "groups": list(self.groups),
            "capabilities": self.capabilities,
            "stdin": self.stdin,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "terminal": self.terminal,
            "fds": fds,
            "netns": self.netns,
            "cgroups": [str(path) for path in self.cgroups],
            "rlimits": dict(self.rlimits),
            "signal_to": self.signal_to.value,
            "stop_signal": int(self.stop_signal),
            "stop_grace_s": self.stop_grace_seconds,
            "shutdown_rank": self.shutdown_rank,
            "die_with_parent": self.die_with_parent,
            "stage": self.stage,
            "enter": self.enter,
            "owned": self.owned,
            "auto_remove": self.auto_remove,
            "meta": dict(self.meta),
        }
        if self.log is not None:
            wire["log"] = self.log.to_wire()
        if self.restart is not None:
            wire["restart"] = self.restart.to_wire()
        return wire, passed


def _fds_to_wire(sources: Mapping[int, FdSource]) -> tuple[dict[str, Any], list[int]]:
    """Return what the child's numbers are, and the descriptors that go with the request."""
    passed: list[int] = []
    fds: dict[str, Any] = {}
    for number, source in sources.items():
        match source:
            case PassedFd(fd):
                fds[str(number)] = {"fd": len(passed)}
                passed.append(fd)
            case DataFd(data):
                fds[str(number)] = {"data": data}
            case UserNamespaceFd(idmap, owner):
                entries = [list(entry) for entry in idmap]
                fds[str(number)] = {"idmap": entries, "owner": owner}
    return fds, passed


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """What procd knows about a process."""

    name: str
    state: ProcessState
    pid: int | None
    argv: Sequence[str]
    started_at: datetime | None
    exited_at: datetime | None
    exit_code: int | None
    """128 + number when a signal ended it."""
    signal: int | None
    restarts: int
    log_path: Path | None
    meta: Mapping[str, Any]

    @property
    def running(self) -> bool:
        """Whether there is a process right now."""
        return self.state is ProcessState.RUNNING

    @classmethod
    def from_wire(cls, raw: Mapping[str, Any]) -> ProcessStatus:
        """Read the server's form."""
        return cls(
            name=raw["name"],
            state=ProcessState(raw["state"]),
            pid=raw["pid"] or None,
            argv=tuple(raw["argv"]),
            started_at=_time(raw["started_ns"]),
            exited_at=_time(raw["exited_ns"]),
            exit_code=raw["exit_code"],
            signal=raw["signal"],
            restarts=raw["restarts"],
            log_path=Path(raw["log_path"]) if raw["log_path"] else None,
            meta=raw["meta"],
        )


def _time(nanoseconds: int) -> datetime | None:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC) if nanoseconds else None


class ProcessEventType(StrEnum):
    """What happened to a process."""

    STARTED = "started"
    EXITED = "exited"
    OVERFLOW = "overflow"
    """The client read too slowly and missed events: list again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEvent:
    """A change, told to subscribers as it happens."""

    type: ProcessEventType
    process: ProcessStatus | None
    """None for OVERFLOW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcdInfo:
    """About the server itself."""

    pid: int
    started_at: datetime | None
    root: bool
    stage: Path | None
    """Where mounts are prepared; None when there is no such place."""
    stage_error: str
