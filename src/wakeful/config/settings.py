"""Where things are and which ports they use."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

_SOCKET_PATH_LIMIT = 107
_LONGEST_SOCKET_NAME = len("/procd-exec-0123456789.sock")


def default_data_dir() -> Path:
    """``$WAKEFUL_DATA_DIR``, else ``~/.wakeful``."""
    chosen = os.environ.get("WAKEFUL_DATA_DIR")
    return Path(chosen).expanduser().resolve() if chosen else Path.home() / ".wakeful"


@dataclass(frozen=True, slots=True)
class DataDir:
    """The layout of the one directory that holds all state."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """Admin credentials for kubectl, kn and tkn."""
        return self.root / "kubeconfig"

    @property
    def settings(self) -> Path:
        """The settings of the platform that runs, or ran last, here."""
        return self.root / "settings.json"

    @property
    def database(self) -> Path:
        """Every object, in SQLite."""
        return self.root / "state.db"

    @property
    def pki(self) -> Path:
        """Certificate authority and keys."""
        return self.root / "pki"

    @property
    def images(self) -> Path:
        """The local image store."""
        return self.root / "images"

    @property
    def pods(self) -> Path:
        """Logs and volumes of instances."""
        return self.root / "pods"

    @property
    def sandboxes(self) -> Path:
        """State of the runtime."""
        return self.root / "sandboxes"

    @property
    def logs(self) -> Path:
        """Logs of the platform's own processes."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Sockets. Elsewhere when ``root`` is too long for the path of a Unix socket."""
        inside = self.root / "run"
        if len(str(inside)) + _LONGEST_SOCKET_NAME <= _SOCKET_PATH_LIMIT:
            return inside
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"wakeful-{os.getuid()}-{digest}"

    def create(self) -> None:
        """Make the directories, readable by their owner only.

        Raises:
            OSError: One of them cannot be made, or not be written to.
        """
        for folder in (self.root, self.pki, self.images, self.pods, self.logs, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


class RuntimeName(StrEnum):
    """What runs instances."""

    SANDBOX = "sandbox"
    DOCKER = "docker"
    PODMAN = "podman"


class StandInMode(StrEnum):
    """When built-in images stand in for well-known ones."""

    AUTO = "auto"
    """For what is not here and cannot be pulled."""
    ALWAYS = "always"
    """For all that were not built, loaded or pulled here; no registry is asked for them."""
    NEVER = "never"


class LogLevel(StrEnum):
    """How much the platform's own processes log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseModel):
    """What ``wakeful up`` was asked for; written to the data directory for the other commands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path
    api_port: int = Field(default=6443, ge=0, le=65535)
    http_port: int = Field(default=8080, ge=0, le=65535)
    https_port: int = Field(default=8443, ge=0, le=65535)
    console_port: int = Field(default=8081, ge=0, le=65535)
    bind: str = "127.0.0.1"
    """Address that the API and the gateway listen on."""
    domain: str = "localhost"
    """Domain of services while ``config-domain`` names none."""
    runtime: RuntimeName = RuntimeName.SANDBOX
    pod_cidr: str = "198.19.0.0/16"
    """Addresses of instances; inside this machine only (the benchmark range of RFC 2544)."""
    service_cidr: str = "198.18.0.0/16"
    envoy_concurrency: int = Field(default=1, ge=1, le=256)
    stand_ins: StandInMode = StandInMode.AUTO
    log_level: LogLevel = LogLevel.INFO

    @property
    def layout(self) -> DataDir:
        """Paths below ``data_dir``."""
        return DataDir(self.data_dir)

    def save(self) -> None:
        """Write to the data directory, atomically."""
        target = self.layout.settings
        fresh = target.with_suffix(".new")
        fresh.write_text(self.model_dump_json(indent=2))
        fresh.replace(target)

    @classmethod
    def load(cls, data_dir: Path) -> Settings:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: No platform was ever started on this directory.
        """
        return cls.model_validate_json(DataDir(data_dir).settings.read_text())
