"""From a container's configuration to mounts and a plan for bubblewrap."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wakeful.node.runtime.command import Bind, Overlay, SandboxPlan, TmpfsAt
from wakeful.node.runtime.errors import ContainerStartError
from wakeful.node.runtime.identity import Identity
from wakeful.node.runtime.paths import (
    HostView,
    PathError,
    below,
    missing_under,
    resolve_inside,
    resolve_on_host,
)
from wakeful.node.runtime.staging import Staging, Wanted
from wakeful.node.runtime.types import ContainerConfig

_SYS_DEVICES = "/sys/devices/system"
_CGROUPS = "/sys/fs/cgroup"
_ETC_FILES = ("hosts", "hostname", "resolv.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where things are kept for this container."""

    stage: Path | None
    """Its own place on procd's stage; None when procd has none."""
    images: Path | None
    """Shared place on the stage for image roots."""
    layer: Path | None
    """Directory with an empty ``upper`` and ``work`` for an image; None keeps the layer in memory,
    which only works on a stage."""
    etc: Path
    """Directory with hosts, hostname and resolv.conf."""
    host: HostView
    """How the host's root looks from inside."""
    cgroup_binds: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What has to be mounted first, and the plan."""

    steps: Sequence[Mapping[str, Any]]
    plan: SandboxPlan


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

    def prepare(self, hostname: str, env: Mapping[str, str]) -> Preparation:
        config, identity, around = self._config, self._identity, self._around
        cwd = self._resolve(config.cwd or "/")
        tmpfs = self._tmpfs()
        mounts = self._mounts()
        wanted = [*self._system(), *mounts]
        root: HostView | Bind | Overlay
        binds = [Bind(w.source, w.target, w.read_only) for w in wanted]
        exploded: dict[str, list[tuple[str, str]]] = {}
        closed: list[str] = []
        steps: list[dict[str, Any]] = []
        spots = [*(t.target for t in tmpfs), cwd]
        controllers = self._controllers()
        if controllers and around.stage is None:
            tmpfs.append(TmpfsAt(_CGROUPS, 0o755))
            closed.append(_CGROUPS)
        if around.stage is not None:
            assert around.images is not None
            staging = Staging(around.stage, around.images, identity.mapping)
            root, steps = Bind(staging.root, "/", read_only=False), staging.steps
            closed = self._build_root(staging, wanted, spots, controllers)
            volumes = [mount.target for mount in mounts]
            covered = [place.target for place in tmpfs]
            binds = staging.add_binds(
                wanted, volumes=volumes, covered=covered, hidden=around.host.hidden
            )
        elif config.rootfs is None:
            root = around.host
            exploded = {parent: self._entries(parent) for parent in self._missing(wanted, spots)}
        else:
            root = self._overlay(config.rootfs)
        plan = SandboxPlan(
            root=root,
            hidden=around.host.hidden if config.rootfs is None else (),
            closed=closed,
            exploded=exploded,
            tmpfs=tmpfs,
            binds=binds,
            read_only_root=config.read_only_rootfs
            or (config.rootfs is None and not config.scratch_root),
            cwd=cwd,
            hostname=hostname,
            uid=identity.uid,
            gid=identity.gid,
            capabilities=identity.capabilities,
            env=env,
            shared_userns=around.stage is not None,
        )
        return Preparation(steps=steps, plan=plan)

    def _build_root(
        self,
        staging: Staging,
        wanted: Sequence[Wanted],
        spots: Sequence[str],
        controllers: Sequence[str],
    ) -> list[str]:
        """Have the root built on the stage; return the mounts in it that are to be closed."""
        missing: dict[str, list[str]] = {}
        if self._config.rootfs is None:
            missing = self._missing(wanted, spots)
            files = {w.target for w in wanted if w.is_file}
            staging.show_host(self._around.host, missing, files)
        else:
            staging.show_image(self._config.rootfs, self._around.layer)
        if controllers:
            staging.add_controllers(_CGROUPS, controllers)
        return list(missing)

    def _resolve(self, target: PurePosixPath | str) -> str:
        if self._config.rootfs is None:
            return resolve_on_host(target, self._host_root)
        return resolve_inside(self._config.rootfs, target)

    def _tmpfs(self) -> list[TmpfsAt]:
        config = self._config
        made = [TmpfsAt("/tmp")] if self._wants_tmp() else []  # noqa: S108 - inside
        if config.rootfs is None:
            made.append(TmpfsAt("/var/tmp"))  # noqa: S108 - inside
        asked = [TmpfsAt(self._resolve(t.target), t.mode, t.size_bytes) for t in config.tmpfs]
        return [*made, *asked]

    def _wants_tmp(self) -> bool:
        """Whether /tmp has to be made: an image may bring its own, if everybody may write there."""
        if self._config.rootfs is None:
            return True
        try:
            return (self._config.rootfs / "tmp").lstat().st_mode & 0o41777 != 0o41777
        except OSError:
            return True

    def _system(self) -> list[Wanted]:
        """Processors and memory nodes, the container's limits, and the pod's files in /etc."""
        wanted = [Wanted(path, place) for path, place in self._around.cgroup_binds]
        if (self._host_root / _SYS_DEVICES.lstrip("/")).is_dir():
            wanted.append(Wanted(_SYS_DEVICES, _SYS_DEVICES))
        for name in _ETC_FILES:
            source = f"{self._around.etc}/{name}"
            wanted.append(Wanted(source, self._resolve(f"/etc/{name}"), is_file=True))
        return wanted

    def _mounts(self) -> list[Wanted]:
        wanted = []
        for mount in self._config.mounts:
            if not mount.source.exists():
                raise ContainerStartError(
                    self._config.name,
                    f"mount source {str(mount.source)!r} does not exist",
                    reason="CreateContainerConfigError",
                )
            wanted.append(
                Wanted(
                    str(mount.source),
                    self._resolve(mount.target),
                    mount.read_only,
                    mount.map_owners,
                    not mount.source.is_dir(),
                )
            )
        return wanted

    def _missing(self, wanted: Sequence[Wanted], spots: Sequence[str]) -> dict[str, list[str]]:
        """Return host directories in which mount points are missing, and those mount points."""
        found: dict[str, list[str]] = {}
        for target in dict.fromkeys((*(w.target for w in wanted), *spots)):
            parent = missing_under(target, self._around.host, self._host_root)
            if parent is not None:
                found.setdefault(parent, []).append(target)
        return dict(sorted(found.items()))

    def _entries(self, directory: str) -> list[tuple[str, str]]:
        found = []
        with os.scandir(directory) as entries:
            for entry in entries:
                text = os.readlink(entry.path) if entry.is_symlink() else ""  # noqa: PTH115
                found.append((entry.name, text))
        return sorted(found)

    def _controllers(self) -> list[str]:
        """Return where controllers of version 1 appear; with version 2 there is but one place."""
        places = [place for _, place in self._around.cgroup_binds]
        return [place for place in places if below(place, _CGROUPS)]

    def _overlay(self, rootfs: Path) -> Overlay:
        layer = self._around.layer
        assert layer is not None
        (layer / "upper").chmod(rootfs.stat().st_mode & 0o7777)
        return Overlay(str(rootfs), str(layer / "upper"), str(layer / "work"))
