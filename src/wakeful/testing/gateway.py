"""A real Envoy, its control plane and small apps, all on loopback with ports the kernel chose."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
from aiohttp import web

from wakeful.gateway import (
    Endpoint,
    EnvoyAdmin,
    Gateway,
    GatewayPaths,
    GatewaySettings,
    HostRule,
    IngressKey,
    Plan,
    RevisionBackend,
    RevisionKey,
    Route,
    RouteTable,
    Split,
    Visibility,
    make_command,
    wait_ready,
    write_bootstrap,
)
from wakeful.testing.http import BACKLOG, answering

_READY_SECONDS = 60.0


class RecordingPoke:
    """Remembers pokes; ``then`` may start an instance for each."""

    def __init__(self) -> None:
        self.calls: list[RevisionKey] = []
        self.first = asyncio.Event()
        self.then: Callable[[RevisionKey], None] | None = None

    def poke(self, namespace: str, revision: str) -> None:
        """Note that somebody waits."""
        key = RevisionKey(namespace, revision)
        self.calls.append(key)
        self.first.set()
        if self.then is not None:
            self.then(key)


@dataclass
class App:
    """An instance: answers with its name, echoes WebSockets, counts what it carries."""

    name: str
    delay: float = 0.0
    port: int = 0
    running: int = 0
    most: int = 0
    served: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the requests that ask to be held."""

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens."""
        return Endpoint("127.0.0.1", self.port)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer after ``?sleep=`` seconds or, with ``?hold``, when let go; with ``?status=``."""
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            self.headers.append(dict(request.headers))
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._echo(request)
            body = await request.read()
            delay = float(request.query.get("sleep", self.delay))
            if delay:
                await asyncio.sleep(delay)
            if "hold" in request.query:
                await self.let_go.wait()
            self.served += 1
            return web.json_response(
                {"app": self.name, "path": request.path, "bytes": len(body), "host": request.host},
                status=int(request.query.get("status", 200)),
            )
        finally:
            self.running -= 1

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{self.name}:{message.data}")
        return socket


@contextlib.asynccontextmanager
async def running_app(
    name: str, *, delay: float = 0.0, backlog: int = BACKLOG
) -> AsyncIterator[App]:
    """Serve one ``App`` over HTTP/1.1; ``backlog`` connections may wait to be taken in."""
    app = App(name, delay)
    async with answering(app.handle, backlog=backlog, shutdown_timeout=0.1) as url:
        app.port = int(url.rpartition(":")[2])
        yield app


@contextlib.asynccontextmanager
async def running_envoy(settings: GatewaySettings) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Envoy with the product's own command and bootstrap; killed at the end."""
    write_bootstrap(settings)
    command = make_command(settings)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(command.open_files, hard), hard))
    with (settings.paths.run_dir / "envoy.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command.argv, stdout=log, stderr=log)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@contextlib.contextmanager
def temporary_settings(**fields: Any) -> Any:
    """Settings with ephemeral ports and a short run directory that is removed afterwards."""
    run_dir = Path(tempfile.mkdtemp(prefix="wgw-"))
    try:
        yield GatewaySettings(GatewayPaths(run_dir), http_port=0, internal_port=0, **fields)
    finally:
        shutil.rmtree(run_dir)


@dataclass
class Rig:
    """Everything a test talks to."""

    settings: GatewaySettings
    poke: RecordingPoke
    gateway: Gateway
    http: aiohttp.ClientSession
    ports: dict[str, int]
    envoy_pid: int = 0

    @property
    def admin(self) -> EnvoyAdmin:
        """Envoy's own interface."""
        return EnvoyAdmin(self.settings.paths.admin_socket)

    @property
    def url(self) -> str:
        """The public listener."""
        return f"http://127.0.0.1:{self.ports['public']}"

    @property
    def internal_url(self) -> str:
        """The listener for cluster-local hosts."""
        return f"http://127.0.0.1:{self.ports['internal']}"

    def held(self, key: RevisionKey) -> int:
        """Requests that wait at the gate."""
        counts = self.gateway.gate.counts(key)
        return counts.held if counts is not None else 0

    def start_on_poke(self, *apps: App) -> None:
        """Make each poke offer these instances."""
        tasks: set[asyncio.Task[None]] = set()

        def start(key: RevisionKey) -> None:
            endpoints = [app.endpoint for app in apps]
            task = asyncio.ensure_future(self.gateway.set_endpoints(key, endpoints))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        self.poke.then = start

    async def get(
        self,
        host: str,
        path: str = "/",
        *,
        headers: Mapping[str, str] | None = None,
        data: BinaryIO | None = None,
        internal: bool = False,
    ) -> aiohttp.ClientResponse:
        """Send one request for ``host``; the answer is read already."""
        response = await self.http.request(
            "POST" if data is not None else "GET",
            (self.internal_url if internal else self.url) + path,
            headers={"Host": host, **(headers or {})},
            data=data,
        )
        await response.read()
        return response


def revision(name: str, **fields: Any) -> RevisionBackend:
    """A revision in namespace ``default``."""
    return RevisionBackend(RevisionKey("default", name), **fields)


def table(name: str, *splits: Split, hosts: tuple[str, ...] = ()) -> RouteTable:
    """A public and a cluster-local rule, as a Route makes them."""
    routes = (Route(splits),)
    local = (f"{name}.default.svc.cluster.local",)
    return RouteTable.of(
        IngressKey("default", name),
        (
            HostRule(hosts or (f"{name}.default.localhost",), routes),
            HostRule(local, routes, Visibility.CLUSTER_LOCAL),
        ),
    )


def simple_plan(*backends: RevisionBackend) -> Plan:
    """One Ingress for each revision, named like it."""
    tables = [table(backend.key.name, Split(backend.key)) for backend in backends]
    return Plan(
        tables={t.key: t for t in tables}, revisions={backend.key: backend for backend in backends}
    )


@contextlib.asynccontextmanager
async def running_gateway(
    plan: Plan, *, poke: RecordingPoke | None = None, **fields: Any
) -> AsyncIterator[Rig]:
    """Serve ``plan`` with a fresh Envoy; yields once the public listener answers."""
    poke = poke or RecordingPoke()
    with temporary_settings(**fields) as settings:
        gateway = Gateway(settings, poke)
        async with (
            gateway.serving(),
            running_envoy(settings) as envoy,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
        ):
            await gateway.publish(plan)
            ports = await wait_ready(settings, timeout=_READY_SECONDS)
            yield Rig(settings, poke, gateway, http, ports, envoy.pid)
