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
    below,
    missing_under,
    resolve_inside,
    resolve_on_host,
)
from wakeful.node.runtime.types import ContainerConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYS_DEVICES = "/sys/devices/system"
_CGROUPS = "/sys/fs/cgroup"
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
        env["HOME"] = "/tmp" if config.rootfs is None else home_of(config.rootfs, uid)  # noqa: S108 - inside
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Something of the host that is to appear inside."""

    source: str
    target: str
    read_only: bool = True
    mapped: bool = False
    is_file: bool = False


class _Preparer:
    def __init__(
        self, config: ContainerConfig, identity: Identity, around: Surroundings, host_root: Path
    ) -> None:
        self._config, self._identity, self._around = config, identity, around
        self._host_root = host_root
        self._steps: list[dict[str, Any]] = []

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
        spots = [*(t.target for t in tmpfs), cwd]
        controllers = self._controllers()
        if controllers and around.stage is None:
            tmpfs.append(TmpfsAt(_CGROUPS, 0o755))
            closed.append(_CGROUPS)
        if around.stage is not None:
            root = Bind(f"{around.stage}/root", "/", read_only=False)
            self._steps.append({"kind": "tmpfs", "target": str(around.stage)})
            if config.rootfs is None:
                closed = self._stage_host(root.source, wanted, spots)
            else:
                self._stage_image(root.source, config.rootfs)
            if controllers:
                self._stage_controllers(root.source, controllers)
            volumes = [mount.target for mount in mounts]
            covered = [place.target for place in tmpfs]
            binds = self._stage_binds(root.source, wanted, volumes, covered)
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
        return Preparation(steps=self._steps, plan=plan)

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

    def _system(self) -> list[_Wanted]:
        """Processors and memory nodes, the container's limits, and the pod's files in /etc."""
        wanted = [_Wanted(path, place) for path, place in self._around.cgroup_binds]
        if (self._host_root / _SYS_DEVICES.lstrip("/")).is_dir():
            wanted.append(_Wanted(_SYS_DEVICES, _SYS_DEVICES))
        for name in _ETC_FILES:
            source = f"{self._around.etc}/{name}"
            wanted.append(_Wanted(source, self._resolve(f"/etc/{name}"), is_file=True))
        return wanted

    def _mounts(self) -> list[_Wanted]:
        wanted = []
        for mount in self._config.mounts:
            if not mount.source.exists():
                raise ContainerStartError(
                    self._config.name,
                    f"mount source {str(mount.source)!r} does not exist",
                    reason="CreateContainerConfigError",
                )
            wanted.append(
                _Wanted(
                    str(mount.source),
                    self._resolve(mount.target),
                    mount.read_only,
                    mount.map_owners,
                    not mount.source.is_dir(),
                )
            )
        return wanted

    def _missing(self, wanted: Sequence[_Wanted], spots: Sequence[str]) -> dict[str, list[str]]:
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

    @property
    def _owner(self) -> list[int]:
        """Root inside."""
        return [idmap.FIRST_ID, idmap.FIRST_ID]

    def _stage_host(self, root: str, wanted: Sequence[_Wanted], spots: Sequence[str]) -> list[str]:
        """Build the host's view at ``root``; return the mounts to be closed.

        Directories of the host that lack mount points get a layer in memory in which they can be
        made.
        """
        view = self._around.host
        missing = self._missing(wanted, spots)
        dirs = ("proc", "dev", "run", "sys", "var")
        self._steps += [
            {"kind": "dir", "target": root, "owner": self._owner},
            *({"kind": "dir", "target": f"{root}/{name}", "owner": self._owner} for name in dirs),
            {"kind": "link", "target": f"{root}/var/run", "text": "/run"},
            *({"kind": "link", "target": f"{root}{at}", "text": text} for at, text in view.links),
            *(
                {"kind": "bind", "source": top, "target": f"{root}{top}"}
                for top in view.directories
                if top not in missing
            ),
        ]
        files = {w.target for w in wanted if w.is_file}
        for number, (directory, places) in enumerate(missing.items()):
            layer = f"{root}-layer{number}"
            self._steps += [
                {"kind": "dir", "target": f"{layer}/upper"},
                {"kind": "dir", "target": f"{layer}/work"},
                {
                    "kind": "overlay",
                    "lower": [directory],
                    "upper": f"{layer}/upper",
                    "work": f"{layer}/work",
                    "target": f"{root}{directory}",
                },
            ]
            for place in places:
                kind = "file" if place in files else "dir"
                self._steps.append({"kind": kind, "target": f"{root}{place}", "owner": self._owner})
        return list(missing)

    def _stage_image(self, root: str, rootfs: Path) -> None:
        """Put the image at ``root``, with a layer of this run's own on top."""
        status = rootfs.stat()
        mapping = self._identity.mapping
        owner = [
            idmap.outside(mapping, min(number, idmap.RANGE - 1))
            for number in (status.st_uid, status.st_gid)
        ]
        layer = self._around.layer
        if layer is None:
            upper, work = Path(f"{root}-layer/upper"), Path(f"{root}-layer/work")
            mode = status.st_mode & 0o7777
            self._steps += [
                {"kind": "dir", "target": str(upper), "mode": mode, "owner": owner},
                {"kind": "dir", "target": str(work)},
            ]
        else:
            upper, work = layer / "upper", layer / "work"
            have = upper.stat()
            if have.st_mode != status.st_mode:
                upper.chmod(status.st_mode & 0o7777)
            if [have.st_uid, have.st_gid] != owner:
                os.chown(upper, *owner)
        assert self._around.images is not None
        # The number of the directory is part of the key: an image removed and unpacked again is
        # another directory at the same place.
        key = f"{rootfs}\0{status.st_dev}\0{status.st_ino}\0{mapping}"
        lower = f"{self._around.images}/{zlib.crc32(key.encode()):08x}"
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
                "target": root,
            },
        ]

    def _controllers(self) -> list[str]:
        """Return where controllers of version 1 appear; with version 2 there is but one place."""
        places = [place for _, place in self._around.cgroup_binds]
        return [place for place in places if below(place, _CGROUPS)]

    def _stage_controllers(self, root: str, places: Sequence[str]) -> None:
        """Make the controllers' common place a mount, by which programs find them.

        An empty directory for each is all there is to it, so one serves every container.
        """
        assert self._around.images is not None
        common = f"{self._around.images}-cgroup"
        names = [place.removeprefix(f"{_CGROUPS}/") for place in places]
        self._steps += [{"kind": "dir", "target": f"{common}/{name}"} for name in names]
        place = {"target": f"{root}{_CGROUPS}", "owner": self._owner}
        self._steps.append({"kind": "bind", "source": common, **place})

    def _overlay(self, rootfs: Path) -> Overlay:
        layer = self._around.layer
        assert layer is not None
        (layer / "upper").chmod(rootfs.stat().st_mode & 0o7777)
        return Overlay(str(rootfs), str(layer / "upper"), str(layer / "work"))

    def _stage_binds(
        self,
        root: str,
        wanted: Sequence[_Wanted],
        volumes: Sequence[str],
        covered: Sequence[str],
    ) -> list[Bind]:
        """Put what is wanted into ``root``, for a fraction of what it costs bubblewrap.

        Not what lies in ``volumes``: their content is the container's, and links in it could lead
        the supervisor astray. Nor what lies in places that are ``covered`` later. Those go beside
        ``root``, and bubblewrap, which is confined, puts them where they belong.
        """
        outer = ["/proc", "/dev", *volumes, *covered, *self._around.host.hidden]
        binds = []
        for number, item in enumerate(sorted(wanted, key=lambda w: w.target.count("/"))):
            if item.target in covered or any(below(item.target, place) for place in outer):
                target = f"{root}-mount{number}"
                binds.append(Bind(target, item.target, item.read_only))
            else:
                target = f"{root}{item.target}"
            step: dict[str, Any] = {
                "kind": "bind",
                "source": item.source,
                "target": target,
                "read_only": item.read_only,
                "owner": self._owner,
            }
            if item.mapped:
                step |= {"idmap": [list(e) for e in self._identity.mapping], "idmap_optional": True}
            self._steps.append(step)
        return binds
