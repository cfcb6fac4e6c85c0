"""``status``: what runs, where it answers and how it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from wakeful import __version__
from wakeful.cmd.addresses import Addresses
from wakeful.cmd.eventfiles import EVENT_SERVER, event_process_index, eventing_paths
from wakeful.cmd.processes import CONTROL_PLANE, ENVOY
from wakeful.cmd.up import is_ready
from wakeful.config import DataDir
from wakeful.eventing.worker.control import read_state
from wakeful.gateway.envoy import EnvoyAdmin
from wakeful.gateway.settings import GatewayPaths
from wakeful.procd import control
from wakeful.procd.client import ProcdClient, ProcdError
from wakeful.procd.types import ProcessState, ProcessStatus


@dataclass(slots=True)
class ComponentStatus:
    """One process of the platform."""

    name: str
    state: str
    """running, starting, backoff or down."""
    healthy: bool
    pid: int | None = None
    restarts: int = 0
    rss_bytes: int = 0
    version: str = ""
    address: str = ""


@dataclass(slots=True)
class PlatformStatus:
    """Everything ``wakeful status`` shows."""

    running: bool
    ready: bool
    version: str
    data_dir: str
    components: list[ComponentStatus] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    instances: int = 0
    """User processes that run now."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


async def read_status(data_dir: Path) -> PlatformStatus:
    """Ask every process of one data directory."""
    layout = DataDir(data_dir)
    pid = control.ping(layout.run)
    if pid is None:
        return PlatformStatus(False, False, __version__, str(data_dir))
    ready = await is_ready(layout)
    status = PlatformStatus(True, ready, __version__, str(data_dir))
    status.components.append(
        ComponentStatus("supervisor", "running", True, pid, 0, _rss(pid), __version__)
    )
    addresses = Addresses.load(layout)
    if addresses is not None:
        status.addresses = {
            "api": addresses.api,
            "http": addresses.http,
            "https": addresses.https,
            "kubeconfig": str(layout.kubeconfig),
        }
    try:
        async with await ProcdClient.connect(layout.run) as procd:
            processes = {p.name: p for p in await procd.list()}
    except ProcdError:
        return status
    envoy_up = await EnvoyAdmin(GatewayPaths(layout.run).admin_socket).is_up()
    control_plane = _component(processes.get(CONTROL_PLANE), CONTROL_PLANE, healthy=ready)
    control_plane.version = __version__
    control_plane.address = addresses.api if addresses else ""
    envoy = _component(processes.get(ENVOY), ENVOY, healthy=envoy_up)
    envoy.address = addresses.http if addresses else ""
    status.components += [control_plane, envoy, *await _event_path(layout, processes)]
    status.instances = sum(
        p.state is ProcessState.RUNNING
        for name, p in processes.items()
        if name not in (CONTROL_PLANE, ENVOY, EVENT_SERVER) and event_process_index(name) is None
    )
    return status


async def _event_path(
    layout: DataDir, processes: Mapping[str, ProcessStatus]
) -> list[ComponentStatus]:
    """The processes that carry events; none before there is something to carry."""
    paths, carriers = eventing_paths(layout), []
    connected = False
    for name in sorted(processes):
        index = event_process_index(name)
        if index is None or (index and processes[name].state is ProcessState.EXITED):
            continue
        state = await read_state(paths.control_of(index))
        carrier = _component(processes[name], name, healthy=state is not None)
        carrier.version = __version__
        carriers.append(carrier)
        connected = connected or (state is not None and bool(state["connected"]))
    if EVENT_SERVER not in processes:  # none, or the user's own, as config-nats says
        return carriers
    return [_component(processes[EVENT_SERVER], EVENT_SERVER, healthy=connected), *carriers]


def _component(process: ProcessStatus | None, name: str, *, healthy: bool) -> ComponentStatus:
    if process is None:
        return ComponentStatus(name, "down", False)
    state = "down" if process.state is ProcessState.EXITED else process.state.value
    return ComponentStatus(
        name,
        state,
        healthy and process.running,
        process.pid,
        process.restarts,
        _rss(process.pid) if process.pid else 0,
    )


def _rss(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
