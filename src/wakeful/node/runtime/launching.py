"""From a container's record and configuration to a process, and to nothing again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wakeful.node.runtime import idmap
from wakeful.node.runtime.bwrap import Bubblewrap
from wakeful.node.runtime.cgroups import CgroupTree
from wakeful.node.runtime.command import (
    ARGS_FD,
    MONITOR_ENV,
    USERNS_FD,
    bubblewrap_arguments,
    bubblewrap_argv,
)
from wakeful.node.runtime.errors import ContainerStartError
from wakeful.node.runtime.identity import Identity
from wakeful.node.runtime.layers import LayerPool
from wakeful.node.runtime.paths import HostView
from wakeful.node.runtime.preparing import Preparation, Surroundings, prepare
from wakeful.node.runtime.records import ContainerRecord, SandboxRecord
from wakeful.node.runtime.trees import remove_tree
from wakeful.node.runtime.types import ContainerConfig, ExecConfig
from wakeful.procd.client import ProcdClient, ProcdError, ProcdOSError
from wakeful.procd.types import (
    DataFd,
    FdSource,
    LogTarget,
    PassedFd,
    ProcessSpec,
    ProcessStatus,
    SignalTarget,
    UserNamespaceFd,
)

_RLIMITS = {"nofile": 1 << 20, "core": 0}


class Launcher:
    """Starts containers through procd and takes away what they leave."""

    def __init__(
        self,
        procd: ProcdClient,
        *,
        state: Path,
        layers: LayerPool,
        stage: Path | None,
        bubblewrap: Bubblewrap | None,
        cgroups: CgroupTree | None,
        host: HostView,
    ) -> None:
        self._procd, self._state, self._layers, self._stage = procd, state, layers, stage
        self._bubblewrap, self._cgroups, self._host = bubblewrap, cgroups, host
        self._layers_in_memory = False

    async def launch(
        self,
        record: SandboxRecord,
        container: ContainerRecord,
        config: ContainerConfig,
        identity: Identity,
    ) -> ProcessStatus:
        """Start ``container``; what was made for it stays when this fails (see ``clean_up``)."""
        if self._cgroups is not None:
            container.cgroup_dirs = self._cgroups.create(container.cgroup, config.limits)
        if self._bubblewrap is None:
            return await self._procd.spawn(self._plain_spec(record, container, config))
        try:
            return await self._launch_sandbox(self._bubblewrap, record, container, config, identity)
        except ProcdOSError as error:
            if error.errno != errno.EINVAL or config.rootfs is None or self._layers_in_memory:
                raise
            # The file system cannot carry an overlay (it is one itself, in a container say).
            self._layers_in_memory = True
            await self._remove_layer(container)
            return await self._launch_sandbox(self._bubblewrap, record, container, config, identity)

    async def _launch_sandbox(
        self,
        bubblewrap: Bubblewrap,
        record: SandboxRecord,
        container: ContainerRecord,
        config: ContainerConfig,
        identity: Identity,
    ) -> ProcessStatus:
        binds = self._cgroups.binds(container.cgroup) if self._cgroups is not None else []
        if config.rootfs is not None and not container.layer and not self._layers_in_memory:
            container.layer = str(self._layers.take())
        around = Surroundings(
            stage=self._stage_of(container),
            images=self._stage / "images" if self._stage is not None else None,
            layer=Path(container.layer) if container.layer else None,
            etc=self._state / "sandboxes" / record.id / "etc",
            host=self._host,
            cgroup_binds=binds,
        )
        hostname = record.config.hostname[:63]  # whatever a variable HOSTNAME says
        ready = prepare(config, identity, around, hostname=hostname, env=container.env)
        spec = self._sandbox_spec(bubblewrap, record, container, config, identity, ready)
        return await self._procd.spawn(spec, mounts=ready.steps)

    async def clean_up(self, container: ContainerRecord) -> None:
        """Remove mounts, control groups and the writable layer of a container that has ended."""
        stage = self._stage_of(container)
        if stage is not None:
            with contextlib.suppress(ProcdError):
                await self._procd.unmount(stage)
        if self._cgroups is not None:
            await asyncio.to_thread(self._cgroups.remove, container.cgroup)
        await self._remove_layer(container)

    async def _remove_layer(self, container: ContainerRecord) -> None:
        if container.layer:
            await asyncio.to_thread(remove_tree, Path(container.layer))
            container.layer = ""

    def _stage_of(self, container: ContainerRecord) -> Path | None:
        return self._stage / "s" / container.cgroup if self._stage is not None else None

    def _sandbox_spec(
        self,
        bubblewrap: Bubblewrap,
        record: SandboxRecord,
        container: ContainerRecord,
        config: ContainerConfig,
        identity: Identity,
        ready: Preparation,
    ) -> ProcessSpec:
        plan = replace(ready.plan, no_network=config.no_network)
        fds: dict[int, FdSource] = {ARGS_FD: DataFd(bubblewrap_arguments(plan))}
        fds |= {number: DataFd(text) for number, text in config.data.items()}
        fds |= {number: PassedFd(fd) for number, fd in config.passed.items()}
        uid: int | None = None
        gid: int | None = None
        groups: list[int] = []
        if ready.plan.shared_userns:
            # Bubblewrap runs as the container's own user from the beginning. It needs no more,
            # and a monitor of another user could not take the container with it when it dies.
            uid = idmap.outside(identity.mapping, identity.uid)
            gid = idmap.outside(identity.mapping, identity.gid)
            groups = [idmap.outside(identity.mapping, group) for group in identity.groups]
            fds[USERNS_FD] = UserNamespaceFd(identity.mapping, uid)
        return ProcessSpec(
            name=container.process,
            argv=bubblewrap_argv(bubblewrap.program, config.argv),
            env=MONITOR_ENV,
            uid=uid,
            gid=gid,
            groups=groups,
            stdin="pipe" if config.stdin else "null",
            terminal=config.tty,
            log=_log_target(config),
            fds=fds,
            netns=record.lease.netns if record.lease else "",
            cgroups=container.cgroup_dirs,
            rlimits=_RLIMITS,
            signal_to=SignalTarget.MAIN,
            stage=str(self._stage_of(container) or ""),
            meta={"sandbox": record.id, "container": container.name},
        )

    def _plain_spec(
        self, record: SandboxRecord, container: ContainerRecord, config: ContainerConfig
    ) -> ProcessSpec:
        """A process of the host, as another user at least when that is possible."""
        if config.rootfs is not None:
            raise ContainerStartError(
                config.name,
                "images with their own root file system need a sandbox, which this kernel forbids",
                reason="CreateContainerError",
            )
        if config.no_network:
            raise ContainerStartError(
                config.name,
                "a program without network needs a sandbox, which this kernel forbids",
                reason="CreateContainerError",
            )
        root = os.geteuid() == 0
        if root:
            container.uid, container.gid = plain_user(config, container.uid, container.gid)
        seen = {str(mount.target): str(mount.source) for mount in config.mounts}
        return ProcessSpec(
            name=container.process,
            argv=[outside_path(word, seen) for word in config.argv],
            env={name: outside_path(value, seen) for name, value in container.env.items()},
            cwd=Path(outside_path(container.cwd, seen)),
            uid=container.uid if root else None,
            gid=container.gid if root else None,
            capabilities=0,
            stdin="pipe" if config.stdin else "null",
            terminal=config.tty,
            log=_log_target(config),
            netns=record.lease.netns if record.lease else "",
            cgroups=container.cgroup_dirs,
            rlimits=_RLIMITS,
            die_with_parent=True,
            meta={"sandbox": record.id, "container": container.name},
        )

    def exec_spec(
        self,
        container: ContainerRecord,
        config: ExecConfig,
        name: str,
        streams: Mapping[int, FdSource],
    ) -> ProcessSpec:
        """Another process with the container's surroundings."""
        env = dict(container.env if config.env is None else config.env)
        if config.tty:
            env.setdefault("TERM", "xterm")
        sandboxed = self._bubblewrap is not None
        chooses_user = sandboxed or os.geteuid() == 0
        return ProcessSpec(
            name=name,
            argv=list(config.argv),
            env=env,
            cwd=Path(config.cwd or container.cwd),
            uid=container.uid if chooses_user else None,
            gid=container.gid if chooses_user else None,
            groups=container.groups,
            capabilities=container.capabilities,
            terminal=config.tty,
            fds=streams,
            cgroups=container.cgroup_dirs,
            enter=container.process if sandboxed else "",
            owned=True,
            die_with_parent=True,
        )


def plain_user(config: ContainerConfig, uid: int, gid: int) -> tuple[int, int]:
    """Return the user and group of a plain process that root starts.

    Without mounts, it has to enter the directories where its files really are, and most data
    directories let their owner in only: without a user of its own it is root then, without
    capabilities.
    """
    if config.uid is None and not all(is_open(mount.source) for mount in config.mounts):
        return 0, 0
    return uid or idmap.DEFAULT_UID, gid or idmap.DEFAULT_UID


def is_open(path: Path) -> bool:
    """Whether everybody may enter the directories that lead to ``path``."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def outside_path(text: str, mounts: Mapping[str, str]) -> str:
    """Return where ``text`` is without a sandbox, if it is a path below one of ``mounts``.

    Without mounts, this is how a plain process finds its files: words that are paths are put right,
    the longest match wins, and everything else stays.
    """
    for target in sorted(mounts, key=len, reverse=True):
        if text == target or text.startswith(target.rstrip("/") + "/"):
            return mounts[target] + text[len(target.rstrip("/")) :]
    return text


def _log_target(config: ContainerConfig) -> LogTarget:
    return LogTarget(
        path=config.log.path, max_bytes=config.log.max_bytes, max_files=config.log.max_files
    )
