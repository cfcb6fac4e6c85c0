"""The event path of one platform: which processes it has, and what connects it to the rest."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from wakeful.apis.networking.register import OUR_INGRESS_CLASS
from wakeful.cmd.eventfiles import EVENT_PROCESS, EVENT_SERVER, eventing_paths
from wakeful.config import DataDir, Settings
from wakeful.controller import Manager
from wakeful.eventbus.jetstream import NatsServer
from wakeful.eventbus.jetstream.server import (
    NatsPaths,
    find_nats_server,
    load_or_make_access,
    write_config,
)
from wakeful.eventing.clusternames import ClusterNames
from wakeful.eventing.gatewayhosts import GatewayHosts
from wakeful.eventing.plane import EventPlane
from wakeful.eventing.worker.files import LISTEN_FD, EventingPaths, save_bus, write_private
from wakeful.gateway.planner import Planner
from wakeful.gateway.translator.names import INTERNAL
from wakeful.procd.client import ProcdClient, ProcessNotFoundError
from wakeful.procd.types import LogTarget, PassedFd, ProcessSpec, Restart, RestartMode
from wakeful.reconciler.eventing.controllers import add_eventing_controllers
from wakeful.reconciler.networking import GatewayDomains

_LISTENER = "event-ingress"


def event_server_spec(layout: DataDir, paths: NatsPaths, config: Path) -> ProcessSpec:
    """NATS. It outlives everything but the platform, and is stopped after those who use it."""
    return ProcessSpec(
        name=EVENT_SERVER,
        argv=[str(find_nats_server()), "--config", str(config)],
        env={
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "GOMEMLIMIT": "512MiB",
            # It restarts with another secret when that has changed.
            "WAKEFUL_CONFIG": hashlib.sha256(config.read_bytes()).hexdigest()[:16],
        },
        cwd=paths.root,
        log=LogTarget(path=layout.logs / "event-server.log"),
        restart=Restart(mode=RestartMode.ALWAYS, base_seconds=0.05, cap_seconds=5),
        rlimits={"nofile": -1},
        stop_grace_seconds=10,
        shutdown_rank=2,
        umask=0o077,
    )


def event_process_spec(layout: DataDir, paths: EventingPaths, listener: int) -> ProcessSpec:
    """Ingress and dispatcher."""
    kept = ("PATH", "PYTHONPATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    bus = hashlib.sha256(paths.bus.read_bytes()).hexdigest()[:16]
    return ProcessSpec(
        name=EVENT_PROCESS,
        argv=[
            *(sys.executable, "-m", "wakeful.cmd.eventworker"),
            *(str(paths.root), str(paths.run)),
        ],
        env=env | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", "WAKEFUL_BUS": bus},
        log=LogTarget(path=layout.logs / "event-process.log"),
        fds={LISTEN_FD: PassedFd(listener)},
        restart=Restart(mode=RestartMode.ALWAYS, base_seconds=0.05, cap_seconds=5),
        rlimits={"nofile": -1},
        stop_grace_seconds=15,
        shutdown_rank=0,
        umask=0o077,
    )


class ProcdEventRunner:
    """Has procd run both processes, so that they outlive this one."""

    def __init__(self, procd: ProcdClient, layout: DataDir) -> None:
        self._procd, self._layout = procd, layout
        self._paths = eventing_paths(layout)
        self.external: NatsServer | None = None
        """The user's own server, instead of one of ours."""

    async def ensure(self) -> int:
        """Have both run; return the ingress's port."""
        server = self.external or await self._ensure_server()
        save_bus(self._paths, server)
        with closing(await self._listener()) as listener:
            spec = event_process_spec(self._layout, self._paths, listener.fileno())
            await self._procd.ensure(spec)
            port: int = listener.getsockname()[1]
        return port

    async def _ensure_server(self) -> NatsServer:
        paths = NatsPaths(self._paths.nats)
        access = load_or_make_access(paths)
        config = write_config(paths, access)
        await self._procd.ensure(event_server_spec(self._layout, paths, config))
        return access

    async def _listener(self) -> socket.socket:
        """The listening socket; procd holds it, so that senders wait while nobody accepts."""
        try:
            return socket.socket(fileno=await self._procd.take(_LISTENER))
        except ProcessNotFoundError:
            listener = _bind(self._paths.port)
        await self._procd.hold(_LISTENER, listener.fileno())
        return listener


def _bind(remembered: Path) -> socket.socket:
    """Listen on the port of last time if it is free, so that addresses in caches stay true."""
    try:
        port = int(remembered.read_text())
    except (FileNotFoundError, ValueError):
        port = 0
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    write_private(remembered, str(listener.getsockname()[1]).encode())
    return listener


@dataclass(frozen=True, slots=True)
class Eventing:
    """What others need of the event path."""

    plane: EventPlane
    names: ClusterNames


def make_eventing(
    settings: Settings, manager: Manager, procd: ProcdClient, planner: Planner
) -> Eventing:
    """Connect the event path with the manager, the gateway and procd; the manager runs it."""

    def gateway() -> tuple[str, int]:
        return "127.0.0.1", planner.ports.get(INTERNAL, 0)

    names = ClusterNames(manager, gateway)
    plane = EventPlane(
        manager,
        ProcdEventRunner(procd, settings.layout),
        GatewayHosts(manager.client, GatewayDomains().private, OUR_INGRESS_CLASS),
        names,
        eventing_paths(settings.layout),
        planner.ready,
    )
    add_eventing_controllers(manager, plane)
    manager.add(plane)
    return Eventing(plane, names)
