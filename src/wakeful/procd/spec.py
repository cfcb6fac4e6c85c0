"""What the server knows about a process it was asked to run; checked field by field."""

from __future__ import annotations

import os

from wakeful.procd.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _get(raw: dict[str, Any], key: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = raw.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise SpecError(f"{key} {value!r} has the wrong type")
    return value


class RestartPolicy:
    """When an exited process is started again, and how long after."""

    __slots__ = ("base_s", "cap_s", "mode", "reset_after_s")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.mode: str = _get(raw, "mode", str, "never")
        if self.mode not in ("never", "on-failure", "always"):
            raise SpecError(f"restart mode {self.mode!r} is none of never, on-failure, always")
        self.base_s: float = _get(raw, "base_s", (int, float), 0.1)
        self.cap_s: float = _get(raw, "cap_s", (int, float), 10.0)
        self.reset_after_s: float = _get(raw, "reset_after_s", (int, float), 10.0)

    def wants(self, exit_code: int) -> bool:
        """Whether to start again after ``exit_code``."""
        return self.mode == "always" or (self.mode == "on-failure" and exit_code != 0)

    def delay(self, failures: int) -> float:
        """Seconds before attempt ``failures``, counted from 0."""
        return float(min(self.cap_s, self.base_s * 2 ** min(failures, 32)))


class Spec:
    """One process: program, surroundings, output, life cycle."""

    __slots__ = (
        "argv",
        "auto_remove",
        "capabilities",
        "cgroups",
        "cwd",
        "die_with_parent",
        "enter",
        "env",
        "fds",
        "gid",
        "groups",
        "log_max_bytes",
        "log_max_files",
        "log_path",
        "meta",
        "name",
        "netns",
        "owned",
        "restart",
        "rlimits",
        "shutdown_rank",
        "signal_to",
        "stage",
        "stderr",
        "stdin",
        "stdout",
        "stop_grace_s",
        "stop_signal",
        "terminal",
        "uid",
        "umask",
    )

    def __init__(self, raw: dict[str, Any]) -> None:
        self.name: str = _get(raw, "name", str, "")
        if not self.name or "\0" in self.name:
            raise SpecError("name is missing")
        self.argv: list[str] = _get(raw, "argv", list, [])
        if not self.argv or not all(isinstance(a, str) and "\0" not in a for a in self.argv):
            raise SpecError("argv must be a list of at least one string")
        self.env: dict[str, str] = _get(raw, "env", dict, {})
        for key, value in self.env.items():
            if not key or "=" in key or "\0" in key or not isinstance(value, str) or "\0" in value:
                raise SpecError(f"env {key!r} cannot be set")
        self.cwd: str = _get(raw, "cwd", str, "/")
        self.umask: int = _get(raw, "umask", int, 0o022)
        self.uid: int | None = _get(raw, "uid", int, None)
        self.gid: int | None = _get(raw, "gid", int, None)
        self.groups: list[int] = _get(raw, "groups", list, [])
        self.capabilities: int | None = _get(raw, "capabilities", int, None)
        self.stdin: str = _get(raw, "stdin", str, "null")
        self.stdout: str = _get(raw, "stdout", str, "log")
        self.stderr: str = _get(raw, "stderr", str, "log")
        self.terminal: bool = _get(raw, "terminal", bool, False)
        self.fds: dict[str, dict[str, Any]] = _get(raw, "fds", dict, {})
        log = _get(raw, "log", dict, {})
        self.log_path: str = _get(log, "path", str, "")
        self.log_max_bytes: int = _get(log, "max_bytes", int, 10 * 1024 * 1024)
        self.log_max_files: int = _get(log, "max_files", int, 5)
        self.netns: str = _get(raw, "netns", str, "")
        self.cgroups: list[str] = _get(raw, "cgroups", list, [])
        self.rlimits: dict[str, int] = _get(raw, "rlimits", dict, {})
        self.restart = RestartPolicy(_get(raw, "restart", dict, {}))
        self.stop_signal: int = _get(raw, "stop_signal", int, 15)
        self.signal_to: str = _get(raw, "signal_to", str, "process")
        if self.signal_to not in ("process", "group", "main"):
            raise SpecError(f"signal_to {self.signal_to!r} is none of process, group, main")
        self.stop_grace_s: float = _get(raw, "stop_grace_s", (int, float), 10.0)
        self.shutdown_rank: int = _get(raw, "shutdown_rank", int, 0)
        self.die_with_parent: bool = _get(raw, "die_with_parent", bool, False)
        self.stage: str = _get(raw, "stage", str, "")
        self.enter: str = _get(raw, "enter", str, "")
        self.owned: bool = _get(raw, "owned", bool, False)
        self.auto_remove: bool = _get(raw, "auto_remove", bool, False)
        self.meta: dict[str, Any] = _get(raw, "meta", dict, {})

    @property
    def sets_user(self) -> bool:
        """Whether the child runs as another user or group than this process."""
        return self.uid is not None or self.gid is not None

    @property
    def needs_fork(self) -> bool:
        """Whether the child has to do something between fork and exec that spawning cannot."""
        return bool(
            self.capabilities is not None
            or (self.sets_user and os.geteuid() != 0)
            or self.enter
            or self.terminal
            or self.die_with_parent
        )
