"""From a container's configuration to mounts and a plan for bubblewrap."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wakeful.node.runtime import capabilities, idmap
from wakeful.node.runtime.command import Bind, Overlay, SandboxPlan, TmpfsAt
from wakeful.node.runtime.errors import ContainerStartError
from wakeful.node.runtime.paths import (
    HostView,
    PathError,
    missing_under,
    resolve_inside,
    resolve_on_host,
)
from wakeful.node.runtime.types import ContainerConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYS_DEVICES = "/sys/devices/system"
_ETC_FILES = ("hosts", "hostname", "resolv.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a container runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: tuple[str, ...]
    mapping: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where things are kept for this container."""

    stage: Path | None
    """Its own place on procd's stage; None when procd has none."""
    images: Path | None
    """Shared place on the stage for image roots."""
    directory: Path
    """Its own directory on disk."""
    etc: Path
    """Directory with hosts, hostname and resolv.conf."""
    host: HostView
    """How the host's root looks from inside."""
    cgroup_binds: Sequence[tuple[str, str]]
    layers_in_memory: bool = False
    """Keep what containers write to their images in memory: the disk's file system cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What has to be mounted first, and the plan."""

    steps: Sequence[Mapping[str, Any]]
    plan: SandboxPlan


def identify(config: ContainerConfig) -> Identity:
    """Decide whom ``config`` runs as.

    Raises:
        ContainerStartError: An id or a capability that does not exist.
    """
    uid = config.uid
    if uid is None:
        uid = 0 if config.rootfs is not None else idmap.DEFAULT_UID
    gid = uid if config.gid is None else config.gid
    try:
        mapping = idmap.id_map((uid, gid, *config.groups))
        names = capabilities.effective(config.capabilities, uid)
    except ValueError as error:
        raise ContainerStartError(
            config.name, str(error), reason="CreateContainerConfigError"
        ) from error
    return Identity(
        uid=uid, gid=gid, groups=tuple(config.groups), capabilities=names, mapping=mapping
    )


def environment(config: ContainerConfig, uid: int, hostname: str) -> dict[str, str]:
    """Return the whole environment: the configured one and what programs take for granted."""
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname, **config.env}
    if "HOME" not in env:
        # On the host's root there is no home that belongs to this user, and nothing but /tmp to
        # write to.
        env["HOME"] = "/tmp" if config.rootfs is None else home_of(config.rootfs, uid)  # noqa: S108
    if config.tty:
        env.setdefault("TERM", "xterm")
    return env


def home_of(rootfs: Path, uid: int) -> str:
    """Return the home that the image's passwd gives to ``uid``, or ``/``."""
    passwd = rootfs / resolve_inside(rootfs, "/etc/passwd").lstrip("/")
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "/"
    for line in lines:
        fields = line.split(":")
        if len(fields) >= 6 and fields[2] == str(uid):
            return fields[5] or "/"
    return "/"


def prepare(
    config: ContainerConfig,
    identity: Identity,
    around: Surroundings,
    *,
    hostname: str,
    env: Mapping[str, str],
    host_root: Path = Path("/"),
) -> Preparation:
    """Plan one container.

    Raises:
        ContainerStartError: A path that cannot be used.
    """
    try:
        return _Preparer(config, identity, around, host_root).prepare(hostname, env)
    except PathError as error:
        raise ContainerStartError(
            config.name, str(error), reason="CreateContainerConfigError"
        ) from error


class _Preparer:
    def __init__(
        self, config: ContainerConfig, identity: Identity, around: Surroundings, host_root: Path
    ) -> None:
        self._config, self._identity, self._around = config, identity, around
        self._host_root = host_root
        self._steps: list[dict[str, Any]] = []
        self._staged = 0
        self._etc_binds: list[Bind] = []

    def prepare(self, hostname: str, env: Mapping[str, str]) -> Preparation:
        config, identity = self._config, self._identity
        cwd = self._resolve(config.cwd or "/")
        binds = self._sys()
        self._etc_binds = self._etc()
        binds += self._etc_binds
        tmpfs = []
        if self._wants_tmp():
            tmpfs.append(TmpfsAt("/tmp"))  # noqa: S108
        if config.rootfs is None:
            tmpfs.append(TmpfsAt("/var/tmp"))  # noqa: S108
        tmpfs += [TmpfsAt(self._resolve(t.target), t.mode, t.size_bytes) for t in config.tmpfs]
        for mount in config.mounts:
            if not mount.source.exists():
                raise ContainerStartError(
                    config.name,
                    f"mount source {str(mount.source)!r} does not exist",
                    reason="CreateContainerConfigError",
                )
            source = self._stage(mount.source, mount.read_only, mapped=mount.map_owners)
            binds.append(Bind(source, self._resolve(mount.target), mount.read_only))
        root: HostView | Bind | Overlay
        replaced: list[Bind] = []
        exploded: dict[str, list[tuple[str, str]]] = {}
        if config.rootfs is None:
            root = self._around.host
            files = {bind.target for bind in self._etc_binds}
            files |= {self._resolve(m.target) for m in config.mounts if not m.source.is_dir()}
            targets = [*(b.target for b in binds), *(t.target for t in tmpfs), cwd]
            replaced, exploded = self._make_room(root, targets, files)
        else:
            root = self._image(config.rootfs)
        plan = SandboxPlan(
            root=root,
            replaced=replaced,
            exploded=exploded,
            tmpfs=tmpfs,
            binds=binds,
            read_only_root=config.read_only_rootfs,
            cwd=cwd,
            hostname=hostname,
            uid=identity.uid,
            gid=identity.gid,
            capabilities=identity.capabilities,
            env=env,
            shared_userns=self._around.stage is not None,
        )
        return Preparation(steps=self._steps, plan=plan)

    def _resolve(self, target: PurePosixPath | str) -> str:
        if self._config.rootfs is None:
            return resolve_on_host(target, self._host_root)
        return resolve_inside(self._config.rootfs, target)

    def _wants_tmp(self) -> bool:
        """Whether /tmp has to be made: an image may bring its own, if everybody may write there."""
        if self._config.rootfs is None:
            return True
        try:
            return (self._config.rootfs / "tmp").lstat().st_mode & 0o41777 != 0o41777
        except OSError:
            return True

    def _stage(self, source: Path, read_only: bool, *, mapped: bool) -> str:
        """Put ``source`` where the launcher can see it; return that place."""
        stage = self._around.stage
        if stage is None:
            return str(source)
        self._staged += 1
        target = f"{stage}/m{self._staged}"
        step: dict[str, Any] = {
            "kind": "bind",
            "source": str(source),
            "target": target,
            "read_only": read_only,
        }
        if mapped:
            step |= {"idmap": [list(e) for e in self._identity.mapping], "idmap_optional": True}
        self._steps.append(step)
        return target

    def _sys(self) -> list[Bind]:
        """What is shown of /sys: processors and memory nodes, and the container's limits.

        Put together on the stage where there is one, for a fifth of what single mounts cost.
        """
        parts = [*self._around.cgroup_binds]
        if (self._host_root / _SYS_DEVICES.lstrip("/")).is_dir():
            parts.append((_SYS_DEVICES, _SYS_DEVICES))
        stage = self._around.stage
        if stage is None:
            return [Bind(path, place) for path, place in parts]
        self._steps += [
            {"kind": "bind", "source": path, "target": f"{stage}{place}"} for path, place in parts
        ]
        return [Bind(f"{stage}/sys", "/sys")] if parts else []

    def _etc(self) -> list[Bind]:
        if self._around.stage is not None:
            source = self._stage(self._around.etc, True, mapped=False)
        else:
            source = str(self._around.etc)
        return [Bind(f"{source}/{name}", self._resolve(f"/etc/{name}")) for name in _ETC_FILES]

    def _image(self, rootfs: Path) -> Bind | Overlay:
        stage = self._around.stage
        status = rootfs.stat()
        if stage is None:
            upper, work = self._layer_on_disk(status.st_mode)
            return Overlay(str(rootfs), str(upper), str(work))
        mapping = self._identity.mapping
        owner = [
            idmap.outside(mapping, min(number, idmap.RANGE - 1))
            for number in (status.st_uid, status.st_gid)
        ]
        if self._around.layers_in_memory:
            upper, work = stage / "layer" / "upper", stage / "layer" / "work"
            mode = status.st_mode & 0o7777
            self._steps += [
                {"kind": "dir", "target": str(upper), "mode": mode, "owner": owner},
                {"kind": "dir", "target": str(work)},
            ]
        else:
            upper, work = self._layer_on_disk(status.st_mode)
            os.chown(upper, *owner)
        assert self._around.images is not None
        # The number of the directory is part of the key: an image removed and unpacked again is
        # another directory at the same place.
        key = f"{rootfs}\0{status.st_dev}\0{status.st_ino}\0{mapping}"
        lower = f"{self._around.images}/{zlib.crc32(key.encode()):08x}"
        target = f"{stage}/root"
        self._steps += [
            {
                "kind": "bind",
                "source": str(rootfs),
                "target": lower,
                "read_only": True,
                "idmap": [list(entry) for entry in mapping],
                "idmap_optional": True,
                "once": True,
            },
            {
                "kind": "overlay",
                "lower": [lower],
                "upper": str(upper),
                "work": str(work),
                "target": target,
            },
        ]
        return Bind(target, "/", read_only=False)

    def _layer_on_disk(self, mode: int) -> tuple[Path, Path]:
        upper, work = self._around.directory / "upper", self._around.directory / "work"
        for directory in (upper, work):
            directory.mkdir(parents=True, exist_ok=True)
        upper.chmod(mode & 0o7777)
        return upper, work

    def _make_room(
        self, view: HostView, targets: Sequence[str], files: set[str]
    ) -> tuple[list[Bind], dict[str, list[tuple[str, str]]]]:
        """Find host directories in which mount points are missing, and make them changeable."""
        wanted: dict[str, list[str]] = {}
        for target in dict.fromkeys(targets):
            parent = missing_under(target, view, self._host_root)
            if parent is not None:
                wanted.setdefault(parent, []).append(target)
        stage = self._around.stage
        if stage is None:
            return [], {parent: self._entries(parent) for parent in sorted(wanted)}
        replaced = []
        for number, (directory, places) in enumerate(sorted(wanted.items())):
            base = f"{stage}/o{number}"
            self._steps += [
                {"kind": "dir", "target": f"{base}/upper"},
                {"kind": "dir", "target": f"{base}/work"},
                {
                    "kind": "overlay",
                    "lower": [directory],
                    "upper": f"{base}/upper",
                    "work": f"{base}/work",
                    "target": f"{base}/root",
                },
            ]
            for place in places:
                inside = f"{base}/root{place[len(directory) :]}"
                self._steps.append({"kind": "file" if place in files else "dir", "target": inside})
            replaced.append(Bind(f"{base}/root", directory))
        return replaced, {}

    def _entries(self, directory: str) -> list[tuple[str, str]]:
        found = []
        with os.scandir(directory) as entries:
            for entry in entries:
                text = os.readlink(entry.path) if entry.is_symlink() else ""  # noqa: PTH115
                found.append((entry.name, text))
        return sorted(found)
