"""What is known about an image, and how to run it: values without behaviour of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

LABEL_ROOTFS = "dev.wakeful.rootfs"
"""``host``: the image holds only the application, and runs on the host's root file system."""
LABEL_HOST_PATHS = "dev.wakeful.host-paths"
"""Host directories such an image needs besides the root file system, separated by colons."""
LABEL_STAND_IN = "dev.wakeful.stand-in"
"""Which of the platform's built-in images this is."""
LABEL_BASH_AS_SH = "dev.wakeful.bash-as-sh"
"""``true``: on the host's root file system, ``/bin/sh`` is to be bash."""
OWN_SH = "/.wakeful/bin/sh"
"""In an image with that label: what stands at ``/bin/sh``, if it is there, in place of bash."""
LABEL_BUILDER = "dev.wakeful.builder"
"""Which detector built the image."""


@dataclass(frozen=True, slots=True)
class ImageUser:
    """Whom the image wants to run as; ``uid`` is None when it leaves that to the platform."""

    raw: str = ""
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The part of an image's configuration that matters at run time."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = ""
    exposed_ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    created: datetime | None = None
    architecture: str = ""
    os: str = ""
    diff_ids: tuple[str, ...] = ()

    @property
    def on_host_rootfs(self) -> bool:
        """Whether the image is an application layer for the host's root file system."""
        return self.labels.get(LABEL_ROOTFS) == "host"

    @property
    def host_paths(self) -> tuple[str, ...]:
        """Host directories that the application needs and a sandbox might hide."""
        return tuple(p for p in self.labels.get(LABEL_HOST_PATHS, "").split(":") if p)

    @property
    def stand_in(self) -> str:
        """Which built-in image this is; "" for an image that somebody made."""
        return self.labels.get(LABEL_STAND_IN, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """An image in the local store."""

    digest: str
    """What a registry would answer for it: of the manifest, or of the index it came from."""
    manifest_digest: str
    """Of the manifest that this machine runs; differs from ``digest`` for an index."""
    config_digest: str
    config: ImageConfig
    layers: tuple[str, ...]
    size_bytes: int
    """Of the blobs as stored (compressed), shared ones included."""
    names: tuple[str, ...] = ()
    """Every full name that points to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSummary:
    """One line of ``wakeful image ls``."""

    repository: str
    tag: str
    """Empty when another image has taken the tag since."""
    digest: str
    created: datetime | None
    size_bytes: int
    pinned: bool = False
    stand_in: str = ""
    """Which built-in image it is; "" for an image that somebody made."""


@dataclass(frozen=True, slots=True)
class ReadOnlyMount:
    """A host directory and where the program expects to see it."""

    source: Path
    target: PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class RootfsPlan:
    """All a runtime needs to start an image.

    ``rootfs`` is a shared directory: mount it read-only, or below a private overlay. None means the
    host's own root file system, read-only, with ``mounts`` on top; their targets need not exist
    on the host, so the sandbox's root must be one in which mount points can be made (a tmpfs with
    the host's top-level directories bound into it).
    """

    image: str
    digest: str
    rootfs: Path | None
    mounts: tuple[ReadOnlyMount, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: ImageUser = ImageUser()
    exposed_ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    """Directories that the image wants writable."""
    stop_signal: str = "SIGTERM"
    stand_in: str = ""
    """Set when a built-in image stands in for the one that was asked for: what it is."""

    def argv(
        self, command: Sequence[str] | None = None, args: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """What to execute, by the rules of a Pod: ``command`` replaces entrypoint and cmd."""
        if command:
            return (*command, *(args or ()))
        return (*self.entrypoint, *(args or self.cmd))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer or an unpacking is."""

    what: str
    """A digest or file name."""
    done_bytes: int
    total_bytes: int
    """0 when unknown."""
