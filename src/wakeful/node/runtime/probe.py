"""Find out what this machine allows, and make the runtime that fits it."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wakeful.node.runtime import idmap
from wakeful.node.runtime.bwrap import Bubblewrap, find_bubblewrap
from wakeful.node.runtime.cgroups import find_cgroups
from wakeful.node.runtime.command import (
    ARGS_FD,
    MONITOR_ENV,
    USERNS_FD,
    SandboxPlan,
    bubblewrap_arguments,
    bubblewrap_argv,
)
from wakeful.node.runtime.leftovers import installation_key
from wakeful.node.runtime.network import BridgeNetwork, HostNetwork, NetworkError, PodNetwork
from wakeful.node.runtime.network.bridge import DEFAULT_RANGE
from wakeful.node.runtime.paths import host_view
from wakeful.node.runtime.sandbox import SandboxRuntime
from wakeful.node.runtime.state import claim_state
from wakeful.procd.client import LaunchFailedError, ProcdClient, ProcdError, ProcdOSError
from wakeful.procd.types import DataFd, FdSource, LogTarget, ProcessSpec, UserNamespaceFd


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """What the owner of a machine may decide about the sandbox runtime."""

    root: Path
    """Directory for sandboxes; made when missing."""
    hidden: Sequence[Path] = ()
    """Directories that containers must not see (the data directory)."""
    pod_network: ipaddress.IPv4Network | None = None
    """Range to take a free slice of; None: 198.19.0.0/16."""
    network: str = "auto"
    """``auto``, or ``host`` for the host's network."""
    isolation: str = "auto"
    """``auto``, or ``process`` for plain processes."""
    pool_size: int = 8
    """Networks prepared ahead."""
    masquerade: bool = True


async def open_sandbox_runtime(procd: ProcdClient, settings: RuntimeSettings) -> SandboxRuntime:
    """Return a runtime with the best isolation that works here; ``start`` it before use."""
    info = await procd.info()
    notes: list[str] = []
    key = installation_key(settings.root)
    settings.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    bubblewrap, stage = await _sandboxing(procd, settings, info.stage, notes)
    cgroups, reason = find_cgroups(key, info.pid)
    if cgroups is None:
        notes.append(f"resource limits are not enforced and pods cannot be frozen: {reason}")
    network = await _network(procd, settings, key)
    return SandboxRuntime(
        procd,
        root=settings.root,
        state=await claim_state(procd, key) or settings.root,
        stage=stage,
        bubblewrap=bubblewrap,
        network=network,
        cgroups=cgroups,
        hidden=[path.resolve() for path in (*settings.hidden, settings.root, procd.run_dir)],
        notes=notes,
        version="bubblewrap" if bubblewrap is not None else "process",
    )


async def _sandboxing(
    procd: ProcdClient, settings: RuntimeSettings, stage: Path | None, notes: list[str]
) -> tuple[Bubblewrap | None, Path | None]:
    if settings.isolation == "process":
        notes.append("programs run as plain processes: isolation is switched off")
        return None, None
    found = find_bubblewrap(stage)
    if found is None:
        notes.append("programs run as plain processes: bubblewrap is not installed")
        return None, None
    problem = await _try_bubblewrap(procd, found, stage, settings.root)
    if problem:
        notes.append(f"programs run as plain processes: {problem}")
        return None, None
    if stage is not None:
        notes += await _try_mapping(procd, stage, settings.root)
    return found, stage


async def _try_mapping(procd: ProcdClient, stage: Path, directory: Path) -> list[str]:
    """Try to show files of ``directory`` with other owners; return a note if that fails."""
    target = stage / "probe"
    step = {
        "kind": "bind",
        "source": str(directory),
        "target": str(target),
        "idmap": [list(entry) for entry in idmap.id_map(())],
    }
    try:
        await procd.mount([step])
    except ProcdOSError as error:
        return [
            "files of images and volumes belong to nobody inside, so programs that run as root "
            f"cannot change them: the file system of {str(directory)!r} does not map owners "
            f"({error})"
        ]
    await procd.unmount(target)
    return []


async def _try_bubblewrap(
    procd: ProcdClient, bubblewrap: Bubblewrap, stage: Path | None, scratch: Path
) -> str:
    """Run a program in a sandbox; return what went wrong, or nothing."""
    plan = SandboxPlan(
        root=host_view([]),
        shared_userns=stage is not None,
        uid=idmap.DEFAULT_UID,
        gid=idmap.DEFAULT_UID,
    )
    mapping = idmap.id_map(())
    user = idmap.outside(mapping, idmap.DEFAULT_UID)
    fds: dict[int, FdSource] = {ARGS_FD: DataFd(bubblewrap_arguments(plan))}
    if stage is not None:
        fds[USERNS_FD] = UserNamespaceFd(mapping, user)
    log = scratch / "probe.log"
    name = "probe/bubblewrap"
    launcher = user if stage is not None else None
    try:
        if bubblewrap.steps:
            await procd.mount(bubblewrap.steps)
        await procd.spawn(
            ProcessSpec(
                name=name,
                argv=bubblewrap_argv(bubblewrap.program, ["/bin/sh", "-c", "exit 0"]),
                env=MONITOR_ENV,
                uid=launcher,
                gid=launcher,
                fds=fds,
                log=LogTarget(path=log),
            )
        )
        async with asyncio.timeout(10):
            status = await procd.wait(name)
        if status.exit_code == 0:
            return ""
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() or ["no message"]
        return lines[-1].partition("bwrap: ")[2] or lines[-1]
    except (LaunchFailedError, ProcdOSError, OSError) as error:
        return str(error)
    except TimeoutError:
        await procd.kill(name)
        return "a trial sandbox did not end"
    finally:
        with suppress(ProcdError):
            await procd.remove(name)
        log.unlink(missing_ok=True)


async def _network(procd: ProcdClient, settings: RuntimeSettings, key: str) -> PodNetwork:
    if settings.network == "host":
        return HostNetwork("asked for by the settings")
    if os.geteuid() != 0:
        return HostNetwork("own networks need root")
    network = BridgeNetwork(
        procd,
        key=key,
        network=settings.pod_network or DEFAULT_RANGE,
        pool_size=settings.pool_size,
        masquerade=settings.masquerade,
    )
    try:
        await network.probe()
    except (NetworkError, OSError) as error:
        return HostNetwork(str(error))
    return network
