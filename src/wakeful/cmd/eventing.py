"""The event path of one platform: which processes it has, and what connects it to the rest."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from wakeful.apis.core import ConfigMap, Secret
from wakeful.apis.eventing.nats_config import (
    CONFIG_NATS,
    NatsConfig,
    SecretKey,
    parse_nats_config,
)
from wakeful.apis.networking.register import OUR_INGRESS_CLASS
from wakeful.client import Change
from wakeful.cmd.eventfiles import (
    EVENT_PROCESS,
    EVENT_SERVER,
    event_process_index,
    event_process_name,
    eventing_paths,
)
from wakeful.cmd.inside import internal_ports
from wakeful.config import DataDir, Settings
from wakeful.controller import Manager
from wakeful.eventbus import BusError
from wakeful.eventbus.jetstream.server import (
    NatsPaths,
    can_listen,
    find_nats_server,
    forget_access,
    load_or_make_access,
    write_config,
)
from wakeful.eventbus.natsserver import NatsServer
from wakeful.eventing.clusternames import ClusterNames
from wakeful.eventing.gatewayhosts import NAMESPACE, GatewayHosts
from wakeful.eventing.plane import EventPlane
from wakeful.eventing.worker.files import LISTEN_FD, EventingPaths, save_bus, write_private
from wakeful.gateway.planner import Planner
from wakeful.gateway.translator.names import INTERNAL
from wakeful.loopback import choose_port
from wakeful.procd.client import ProcdClient, ProcessNotFoundError
from wakeful.procd.types import (
    LogTarget,
    PassedFd,
    ProcessSpec,
    ProcessState,
    Restart,
    RestartMode,
)
from wakeful.reconciler.eventing.controllers import add_eventing_controllers
from wakeful.reconciler.networking import GatewayDomains

_LISTENER = "event-ingress"

log = structlog.get_logger("wakeful.cmd.eventing")


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
        die_with_parent=True,
        umask=0o077,
    )


def event_process_spec(
    layout: DataDir, paths: EventingPaths, listener: int, index: int = 0
) -> ProcessSpec:
    """Ingress and dispatcher; several share the listener and the consumers."""
    name = event_process_name(index)
    kept = ("PATH", "PYTHONPATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    bus = hashlib.sha256(paths.bus.read_bytes()).hexdigest()[:16]
    return ProcessSpec(
        name=name,
        argv=[
            *(sys.executable, "-m", "wakeful.cmd.eventworker"),
            *(str(paths.root), str(paths.run), str(index)),
        ],
        env=env | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2", "WAKEFUL_BUS": bus},
        log=LogTarget(path=layout.logs / f"{name}.log"),
        fds={LISTEN_FD: PassedFd(listener)},
        restart=Restart(mode=RestartMode.ALWAYS, base_seconds=0.05, cap_seconds=5),
        rlimits={"nofile": -1},
        stop_grace_seconds=15,
        shutdown_rank=0,
        die_with_parent=True,
        umask=0o077,
    )


class ProcdEventRunner:
    """Has procd run the event server and the event processes, so that they outlive this one."""

    def __init__(self, procd: ProcdClient, layout: DataDir, config: EventServerConfig) -> None:
        self._procd, self._layout, self._config = procd, layout, config
        self._paths = eventing_paths(layout)
        self._server: NatsServer | None = None

    @property
    def most_workers(self) -> int:
        """So many event processes at most."""
        return self._config.most_workers

    def platform(self) -> str:
        """A name of this platform's own, made once."""
        try:
            return self._paths.platform.read_text()
        except FileNotFoundError:
            name = secrets.token_hex(8)
            write_private(self._paths.platform, name.encode())
            return name

    def is_stale(self) -> bool:
        """Whether another event server is to be used than the one in use."""
        chosen = self._config.server()
        return chosen is not None and chosen != self._server

    async def ensure(self, workers: int) -> int:
        """Have all run; return the ingress's port."""
        self._server = self._config.server() or await self._ensure_server()
        save_bus(self._paths, self._server)
        with closing(await self._listener()) as listener:
            for index in range(workers):
                spec = event_process_spec(self._layout, self._paths, listener.fileno(), index)
                await self._procd.ensure(spec)
            port: int = listener.getsockname()[1]
        for process in await self._procd.list(f"{EVENT_PROCESS}-"):
            number = event_process_index(process.name)
            beyond = number is not None and number >= workers
            if beyond and process.state is not ProcessState.EXITED:
                await self._procd.stop(process.name)
        return port

    async def _ensure_server(self) -> NatsServer:
        paths = NatsPaths(self._paths.nats)
        access = load_or_make_access(paths)
        running = [process.name for process in await self._procd.list(EVENT_SERVER)]
        if EVENT_SERVER not in running and not can_listen(access):
            forget_access(paths)  # somebody else took the port while the platform was down
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


class EventServerConfig:
    """``config-nats`` as it is now: which event server, how many event processes."""

    def __init__(self, manager: Manager, paths: EventingPaths) -> None:
        self.maps = manager.informer(ConfigMap)
        self.secrets = manager.informer(Secret)
        self._paths = paths
        self._last = NatsConfig()

    @property
    def most_workers(self) -> int:
        """As configured; else half of the processors, for subscribers need some too."""
        return self._read().workers or max(1, (os.cpu_count() or 1) // 2)

    def server(self) -> NatsServer | None:
        """The user's own server; None for the platform's.

        Raises:
            BusError: A Secret it needs is not there.
        """
        config = self._read()
        if not config.url:
            return None
        user = self._secret(config.user, "username", "password")
        return NatsServer(
            config.url,
            user.get("username", b"").decode(),
            user.get("password", b"").decode(),
            self._file("nats.creds", self._value(config.credentials)),
            self._file("nats-ca.pem", config.ca_bundle.encode() or self._value(config.ca_secret)),
        )

    def _read(self) -> NatsConfig:
        found = self.maps.get(CONFIG_NATS, NAMESPACE)
        try:
            self._last = parse_nats_config(found.data if found is not None else {})
        except ValueError as error:  # it was refused, so it was there before; the last one stays
            log.warning("config-nats makes no sense", error=str(error))
        return self._last

    def _secret(self, ref: SecretKey | None, *keys: str) -> dict[str, bytes]:
        if ref is None:
            return {}
        secret = self.secrets.get(ref.name, NAMESPACE)
        data = secret.decoded() if secret is not None else {}
        for key in keys:
            if key not in data:
                raise BusError(f"config-nats: Secret {NAMESPACE}/{ref.name} has no key {key!r}")
        return data

    def _value(self, ref: SecretKey | None) -> bytes:
        return self._secret(ref, ref.key)[ref.key] if ref is not None else b""

    def _file(self, name: str, data: bytes) -> str:
        if not data:
            return ""
        path = self._paths.root / name
        if not path.exists() or path.read_bytes() != data:
            write_private(path, data)
        return str(path)


def _bind(remembered: Path) -> socket.socket:
    """Listen on the port of last time if it is free, so that addresses in caches stay true."""
    try:
        port = int(remembered.read_text())
    except (FileNotFoundError, ValueError):
        port = choose_port()
    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    except OSError:
        listener = socket.create_server(("127.0.0.1", choose_port()), backlog=1024)
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

    secure = ("127.0.0.1", internal_ports(settings.layout.run).https)
    names = ClusterNames(manager, gateway, secure)
    paths = eventing_paths(settings.layout)
    config = EventServerConfig(manager, paths)
    plane = EventPlane(
        manager,
        ProcdEventRunner(procd, settings.layout, config),
        GatewayHosts(manager.client, GatewayDomains().private, OUR_INGRESS_CLASS),
        names,
        paths,
        planner.ready,
    )
    config.maps.add_handler(lambda change: _on_config(change, plane))
    config.secrets.add_handler(lambda change: _on_config(change, plane))
    add_eventing_controllers(manager, plane)
    manager.add(plane)
    return Eventing(plane, names)


def _on_config(change: Change[Any], plane: EventPlane) -> None:
    """Look again when something changed in the namespace that configures eventing."""
    if change.object.metadata.namespace == NAMESPACE:
        plane.look_again()
