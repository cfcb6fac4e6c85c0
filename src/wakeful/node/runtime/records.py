"""What a runtime remembers about its sandboxes, in one small file each."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from wakeful.node.runtime.network import Lease
from wakeful.node.runtime.types import SandboxConfig

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

    @property
    def process(self) -> str:
        """Its name at procd."""
        return process_name(self.id)


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


PROCESS_PREFIX = "pod/"


def process_name(container_id: str) -> str:
    """Return the name at procd of a container's process."""
    return f"{PROCESS_PREFIX}{container_id}"


def save(record: SandboxRecord, directory: Path) -> None:
    """Write the record; a crash leaves the old or the new one.

    Environments hold secrets: only we may read it.
    """
    raw = asdict(record)
    temporary = directory / f"{STATE_FILE}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(raw, file, default=_encode)
    temporary.replace(directory / STATE_FILE)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)


def load(directory: Path) -> SandboxRecord:
    """Read a record; raises ``ValueError``, ``KeyError``, ``TypeError`` or ``OSError``."""
    raw: dict[str, Any] = json.loads((directory / STATE_FILE).read_text(encoding="utf-8"))
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
