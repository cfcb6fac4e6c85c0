"""The vocabulary between the agent and a runtime: plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath


class Isolation(StrEnum):
    """How far a container is kept apart from the host."""

    SANDBOX = "Sandbox"
    """Own namespaces and root file system, made by bubblewrap."""
    ENGINE = "Engine"
    """Whatever Docker or Podman do."""
    PROCESS = "Process"
    """A plain process of the host: the kernel forbids anything better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInfo:
    """What is in force here and why; ``Runtime.describe`` returns it."""

    name: str
    """``sandbox``, ``docker`` or ``podman``; goes in front of container ids."""
    version: str
    isolation: Isolation
    pod_network: str | None
    """CIDR of the pods' addresses; None when pods share the host's network (127.0.0.1)."""
    gateway: str | None = None
    """Address of the host as seen from the pods."""
    user_mapping: bool = False
    """Whether root inside a container is an unprivileged user outside."""
    resource_limits: bool = False
    """Whether memory, CPU and process limits are enforced."""
    can_freeze: bool = False
    egress: bool = False
    """Whether pods reach addresses beyond this host."""
    notes: Sequence[str] = ()
    """One sentence for every protection or feature that is missing, with its cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """What the containers of one Pod share."""

    id: str
    """Unique on this node; the agent passes the Pod's UID. ``[A-Za-z0-9._-]{1,128}``."""
    hostname: str
    name: str = ""
    """For logs and ``describe``, such as ``default/hello-00001``."""
    host_network: bool = False
    host_aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """More lines for /etc/hosts: address → names."""
    resolv_conf: str | None = None
    """Text of /etc/resolv.conf; None: the host's, as far as it makes sense inside."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Kept and given back by ``sandboxes`` so that the agent can adopt: namespace, name, uid."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A host file or directory made visible inside."""

    source: Path
    target: PurePosixPath
    read_only: bool = True
    map_owners: bool = True
    """Files belong to the container's users of the same numbers, as volumes should; switch it off
    for directories of the host, whose root must not be the container's."""


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """An empty directory in memory."""

    target: PurePosixPath
    size_bytes: int | None = None
    mode: int = 0o1777


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """Hard limits; None is no limit. Enforced only when ``RuntimeInfo.resource_limits``."""

    cpu_millis: int | None = None
    """Thousandths of a core per second (``limits.cpu``)."""
    cpu_request_millis: int | None = None
    """Weight against others when cores are scarce (``requests.cpu``)."""
    memory_bytes: int | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """Where output goes, in the CRI log format, and how it is rotated."""

    path: Path
    max_bytes: int = 10 * 1024 * 1024
    max_files: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """One run of one container; a restart is a new run with a higher ``attempt``."""

    name: str
    attempt: int = 0
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    """The whole environment. PATH, HOME and HOSTNAME are added when missing."""
    cwd: str = ""
    """Made when missing; empty is ``/``."""
    rootfs: Path | None = None
    """Directory of an unpacked image, shared and never changed; None is the host's root file
    system, read-only."""
    image: str = ""
    """Name of the image, for engines that have their own store; ``rootfs`` is for the others."""
    read_only_rootfs: bool = False
    """With an image: no private writable layer. The host's own directories are always read-only."""
    scratch_root: bool = False
    """On the host's root: ``/`` itself is an empty directory in memory that the container's root
    may write to, as in an image, with the host's directories in it."""
    no_network: bool = False
    """A loopback interface of its own and nothing else, whatever its Pod has. A runtime that cannot
    keep this promise does not start it."""
    uid: int | None = None
    """None: 0 in an image (an unprivileged user outside), 65532 on the host's root."""
    gid: int | None = None
    """None: the same number as ``uid``."""
    groups: Sequence[int] = ()
    capabilities: Sequence[str] | None = None
    """Names such as ``NET_BIND_SERVICE``. None: the usual ones of an engine for uid 0, none for
    others. They count inside only."""
    mounts: Sequence[Mount] = ()
    tmpfs: Sequence[Tmpfs] = ()
    limits: ResourceLimits = ResourceLimits()
    tty: bool = False
    stdin: bool = False
    """Keep stdin open; otherwise it is at EOF."""
    data: Mapping[int, str] = field(default_factory=dict)
    """Descriptors of the program → text that it finds there. Sandboxes only, as ``passed``."""
    passed: Mapping[int, int] = field(default_factory=dict)
    """Descriptors of the program → ours, of which it gets duplicates."""
    log: LogPolicy


class ContainerState(StrEnum):
    """Where a run of a container is."""

    RUNNING = "Running"
    EXITED = "Exited"
    UNKNOWN = "Unknown"
    """It ran before and nobody knows how it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStatus:
    """One run of one container as the runtime sees it."""

    id: str
    """Unique on this node: sandbox, name and attempt."""
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    pid: int | None
    """On the host, of the process that the runtime supervises."""
    started_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None
    """As a shell reports it: 128 + number when a signal ended it."""
    signal: int | None = None
    oom_killed: bool = False
    start_error: str = ""
    """Set when the program was never executed (not found, not executable, …)."""
    log_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """A sandbox and the runs in it, newest attempts included."""

    id: str
    ip: str
    """Where its ports answer from the host and from other pods."""
    host_network: bool
    created_at: datetime
    config: SandboxConfig
    frozen: bool = False
    containers: Sequence[ContainerStatus] = ()


class ContainerEventType(StrEnum):
    """What happened."""

    STARTED = "Started"
    EXITED = "Exited"
    OVERFLOW = "Overflow"
    """Events were lost: list again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """A change of a container, told as soon as it happens."""

    type: ContainerEventType
    container: ContainerStatus | None
    """None for OVERFLOW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecConfig:
    """A second program in a running container; it shares everything with the first one."""

    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    """None: the container's."""
    cwd: str | None = None
    """None: the container's."""
    tty: bool = False
    stdin: bool = False
    rows: int = 24
    columns: int = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStats:
    """What one container uses."""

    name: str
    cpu_seconds: float
    """Since it started."""
    memory_bytes: int
    """Working set: what cannot be reclaimed at once."""
    rss_bytes: int
    pids: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStats:
    """What a sandbox uses; ``at`` is when it was measured."""

    sandbox_id: str
    at: datetime
    containers: Sequence[ContainerStats] = ()
