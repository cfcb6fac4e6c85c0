"""What a runtime remembers about its sandboxes, in one small file each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from wakeful.node.runtime.errors import ContainerStartError
from wakeful.node.runtime.network import Lease
from wakeful.node.runtime.types import ContainerConfig, SandboxConfig

STATE_FILE = "state.json"


@dataclass(slots=True, kw_only=True)
class ContainerRecord:
    """One run of a container: what status and exec need later."""

    id: str
    name: str
    attempt: int
    created_at: datetime
    log_path: Path
    env: dict[str, str]
    cwd: str
    uid: int
    gid: int
    groups: list[int]
    capabilities: int
    cgroup: str
    cgroup_dirs: list[str] = field(default_factory=list)
    layer: str = ""
    """Directory of the writable layer, when it runs an image."""
    keeps: bool = False
    """Whether procd holds a descriptor for it."""

    @property
    def process(self) -> str:
        """Its name at procd."""
        return process_name(self.id)

    @property
    def descriptor(self) -> str:
        """Name under which procd holds a descriptor for it."""
        return f"kept/{self.id}"


@dataclass(slots=True, kw_only=True)
class SandboxRecord:
    """One sandbox; ``lease`` is None once its network was lost."""

    config: SandboxConfig
    created_at: datetime
    lease: Lease | None
    frozen: bool = False
    containers: dict[str, ContainerRecord] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The sandbox's id."""
        return self.config.id

    def admit(self, config: ContainerConfig) -> str:
        """Return the id of a run that is to begin.

        Raises:
            ContainerStartError: There was this run before, or there is nothing to execute.
        """
        container_id = f"{self.id}/{config.name}/{config.attempt}"
        if container_id in self.containers:
            raise ContainerStartError(
                config.name, f"attempt {config.attempt} was started before", reason="StartError"
            )
        if not config.argv:
            raise ContainerStartError(
                config.name, "no command specified", reason="CreateContainerConfigError"
            )
        return container_id


PROCESS_PREFIX = "pod/"


def process_name(container_id: str) -> str:
    """Return the name at procd of a container's process."""
    return f"{PROCESS_PREFIX}{container_id}"


def save(record: SandboxRecord, directory: Path) -> None:
    """Write the record in one piece; a crash of this process leaves the old or the new one.

    (A crash of the machine leaves no process that it could tell of.) Environments hold secrets:
    only we may read it.
    """
    raw = {
        "config": _fields(record.config),
        "created_at": record.created_at.isoformat(),
        "lease": None if record.lease is None else _fields(record.lease),
        "frozen": record.frozen,
        "containers": {
            key: {
                **_fields(container),
                "created_at": container.created_at.isoformat(),
                "log_path": str(container.log_path),
            }
            for key, container in record.containers.items()
        },
    }
    data = json.dumps(raw).encode() + b"\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    fd = os.open(directory / STATE_FILE, flags, 0o600)
    try:
        os.write(fd, data)
        os.ftruncate(fd, len(data))
    finally:
        os.close(fd)


def _fields(value: SandboxConfig | Lease | ContainerRecord) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def load(directory: Path) -> SandboxRecord:
    """Read a record; raises ``ValueError``, ``KeyError``, ``TypeError`` or ``OSError``."""
    text = (directory / STATE_FILE).read_text(encoding="utf-8")
    raw: dict[str, Any] = json.loads(text.partition("\n")[0])
    containers = {}
    for key, entry in raw["containers"].items():
        entry["created_at"] = datetime.fromisoformat(entry["created_at"])
        entry["log_path"] = Path(entry["log_path"])
        containers[key] = ContainerRecord(**entry)
    return SandboxRecord(
        config=SandboxConfig(**raw["config"]),
        created_at=datetime.fromisoformat(raw["created_at"]),
        lease=Lease(**raw["lease"]) if raw["lease"] else None,
        frozen=raw.get("frozen", False),
        containers=containers,
    )
