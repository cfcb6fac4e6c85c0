"""One Envoy process from outside: how it is started, known to be ready, and ended without a cut.

Running it is the process supervisor's business; it outlives this control plane on purpose.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from wakeful.apimachinery.errors import WakefulError
from wakeful.gateway.bootstrap import find_envoy, make_bootstrap
from wakeful.gateway.settings import GatewaySettings
from wakeful.gateway.translator.names import INTERNAL, PUBLIC, PUBLIC_TLS, UNTRACED

_POLL_SECONDS = 0.02
_ADMIN = "http://envoy-admin"
_ACTIVE = ("public", "internal")


class EnvoyNotReadyError(WakefulError):
    """Envoy did not open its public listener in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Envoy opened no public listener within {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class EnvoyCommand:
    """What the supervisor needs to run Envoy."""

    argv: tuple[str, ...]
    open_files: int
    """Value for RLIMIT_NOFILE: two descriptors for each request, and room for the rest."""


def write_bootstrap(settings: GatewaySettings) -> Path:
    """Write the bootstrap file, readable by its owner only, and return where."""
    path = settings.paths.bootstrap
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps(make_bootstrap(settings), indent=1, sort_keys=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        path.chmod(0o600)
    return path


def make_command(settings: GatewaySettings, *, restart_epoch: int = 0) -> EnvoyCommand:
    """Return the command line for one Envoy.

    ``restart_epoch`` counts hot restarts: a higher one takes over from the process before it,
    which finishes its requests and exits. That needs a ``base_id``.
    """
    argv = [
        str(find_envoy()),
        "--config-path",
        str(settings.paths.bootstrap),
        "--concurrency",
        str(settings.concurrency),
        "--drain-time-s",
        str(settings.drain_seconds),
        # Not more and more often over all that time: who is told to stop waits for the last answer.
        "--drain-strategy",
        "immediate",
        "--parent-shutdown-time-s",
        str(settings.drain_seconds + 5),
        "--file-flush-interval-msec",
        "200",
        "--log-level",
        "warning",
        # Looking for unknown fields takes a third of the time that a large route table needs. There
        # are none: the messages are made from the definitions of this very Envoy.
        "--ignore-unknown-dynamic-fields",
    ]
    if settings.base_id:
        argv += ["--base-id", str(settings.base_id), "--restart-epoch", str(restart_epoch)]
    else:
        argv.append("--disable-hot-restart")
    return EnvoyCommand(tuple(argv), open_files=max(65_536, 4 * settings.max_connections))


class EnvoyAdmin:
    """Envoy's admin interface on its Unix socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=str(self._socket)),
            timeout=aiohttp.ClientTimeout(total=5),
        ) as session:
            yield session

    async def get_json(self, path: str) -> Any:
        """Read one admin page."""
        async with self._session() as session, session.get(_ADMIN + path) as response:
            response.raise_for_status()
            return await response.json(content_type=None)

    async def get_text(self, path: str) -> str:
        """Read one admin page that is no JSON."""
        async with self._session() as session, session.get(_ADMIN + path) as response:
            response.raise_for_status()
            return await response.text()

    async def uptime_seconds(self) -> float:
        """How long it runs."""
        info = await self.get_json("/server_info")
        return float(str(info["uptime_all_epochs"]).removesuffix("s"))

    async def post(self, path: str) -> None:
        """Call one admin action."""
        async with self._session() as session, session.post(_ADMIN + path) as response:
            response.raise_for_status()

    async def is_up(self) -> bool:
        """Whether an Envoy answers at all: one that outlived the last control plane, say."""
        try:
            await self.get_json("/server_info")
        except (OSError, aiohttp.ClientError, TimeoutError):
            return False
        return True

    async def listener_ports(self) -> dict[str, int]:
        """Ports that listeners are bound to, by listener name; empty while there are none."""
        listing = await self.get_json("/listeners?format=json")
        ports: dict[str, int] = {}
        for status in listing.get("listener_statuses", ()):
            address = status.get("local_address", {}).get("socket_address", {})
            if status.get("name") in (PUBLIC, INTERNAL, PUBLIC_TLS) and "port_value" in address:
                ports[status["name"]] = int(address["port_value"])
        return ports

    async def active_requests(self) -> int:
        """Requests that clients still wait for, over all entrances."""
        page = await self.get_json("/stats?format=json&filter=downstream_rq_active$&type=Gauges")
        wanted = {f"http.{name}.downstream_rq_active" for name in _ACTIVE}
        return sum(
            int(stat["value"]) for stat in page.get("stats", ()) if stat.get("name") in wanted
        )

    async def drain(self, *, timeout: float) -> bool:
        """Stop accepting, wait for what is in flight, then end Envoy. Never a signal before this.

        Clients that keep their connections are told with each answer to come no more; new ones find
        nobody. Returns whether everything in flight had ended within ``timeout`` seconds.
        """
        await self.post("/drain_listeners?graceful&skip_exit")
        await self.post("/drain_listeners")
        quiet = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while await self.active_requests():  # noqa: ASYNC110 - Envoy has no event for it
                    await asyncio.sleep(_POLL_SECONDS)
                quiet = True
        await self.post("/quitquitquit")
        return quiet


async def probe(host: str, port: int, *, hostname: str = "probe.invalid") -> int | None:
    """Ask the listener itself: its HTTP status for ``hostname``, or None when nobody answers."""
    headers = {"Host": hostname, **UNTRACED}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(f"http://{bracket(host)}:{port}/", headers=headers) as response,
        ):
            return response.status
    except (OSError, aiohttp.ClientError, TimeoutError):
        return None


async def wait_ready(settings: GatewaySettings, *, timeout: float = 30.0) -> dict[str, int]:
    """Return the bound ports once the public listener answers; unknown hosts get 404 from it.

    Raises:
        EnvoyNotReadyError: It did not within ``timeout`` seconds.
    """
    admin = EnvoyAdmin(settings.paths.admin_socket)
    try:
        async with asyncio.timeout(timeout):
            while True:
                with contextlib.suppress(OSError, aiohttp.ClientError):
                    ports = await admin.listener_ports()
                    if PUBLIC in ports and INTERNAL in ports:
                        host = reachable(settings.http_addresses[0])
                        if await probe(host, ports[PUBLIC]) == HTTPStatus.NOT_FOUND:
                            return ports
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise EnvoyNotReadyError(timeout) from None


def reachable(host: str) -> str:
    """An address to connect to for one that is listened on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def bracket(host: str) -> str:
    """An address as it is written in a URL."""
    return f"[{host}]" if ":" in host else host
