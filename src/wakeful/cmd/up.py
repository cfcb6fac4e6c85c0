"""``up`` and ``down``: start and stop everything that belongs to one data directory."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp

from wakeful.apimachinery.errors import WakefulError
from wakeful.client import load_kubeconfig
from wakeful.cmd.addresses import Addresses
from wakeful.cmd.processes import CANNOT_START, CONTROL_PLANE, control_plane_spec
from wakeful.config import DataDir, Settings
from wakeful.gateway.envoy import EnvoyAdmin
from wakeful.gateway.settings import GatewayPaths
from wakeful.loopback import choose_port
from wakeful.node.runtime.leftovers import remove_leftovers
from wakeful.procd import control
from wakeful.procd.client import ProcdClient, ProcdError
from wakeful.procd.types import ProcessState

START_SECONDS = 300.0
_POLL_SECONDS = 0.03
_DRAIN_SECONDS = 15.0
_LAST_RECORDS = 3
_PORTS = ("api_port", "http_port", "https_port")

Progress = Callable[[str], None]


class AlreadyRunningError(WakefulError):
    """A platform runs on this data directory."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        super().__init__(f"already running on {str(data_dir)!r} (pid {pid})")
        self.data_dir, self.pid = data_dir, pid


class PortUnavailableError(WakefulError):
    """A port cannot be listened on; the message names the option to change."""

    def __init__(self, setting: str, host: str, port: int, err: OSError) -> None:
        option = "--" + setting.replace("_", "-")
        super().__init__(f"{option} {port}: cannot listen on {host}:{port}: {err.strerror}")
        self.option, self.port = option, port


class AddressUnavailableError(WakefulError):
    """The address of ``--bind`` is none of this machine."""

    def __init__(self, host: str, err: OSError) -> None:
        super().__init__(f"--bind {host}: cannot listen on this address: {err.strerror}")
        self.host = host


class DataDirError(WakefulError):
    """The directory cannot hold the state."""

    def __init__(self, data_dir: Path, err: OSError) -> None:
        problem = f"{err.filename}: {err.strerror}" if err.filename else str(err)
        super().__init__(f"data directory {str(data_dir)!r} cannot be used: {problem}")
        self.data_dir = data_dir


class StartFailedError(WakefulError):
    """The platform did not come up; the message ends with what its log says."""


async def start(settings: Settings, progress: Progress) -> Addresses:
    """Start everything and return where it answers, once it does.

    Raises:
        DataDirError: The directory cannot be made or written to.
        AlreadyRunningError: Something runs on this data directory.
        PortUnavailableError: A port cannot be listened on.
        AddressUnavailableError: The address is not of this machine.
        StartFailedError: It did not come up.
    """
    layout = settings.layout
    try:
        layout.create()
    except OSError as err:
        raise DataDirError(settings.data_dir, err) from err
    if (pid := control.ping(layout.run)) is not None:
        raise AlreadyRunningError(settings.data_dir, pid)
    Addresses.forget(layout)
    settings = with_ports(settings)
    settings.save()
    progress("starting the process supervisor")
    control.start(layout.run)
    try:
        async with await ProcdClient.connect(layout.run) as procd:
            progress("starting the control plane and Envoy")
            await procd.spawn(control_plane_spec(settings))
            return await _until_ready(layout, procd)
    except BaseException:
        control.stop(layout.run, grace_seconds=5)
        raise


def with_ports(settings: Settings) -> Settings:
    """Replace ports that are 0 by free ones, which then stay the same for every restart.

    URLs of services contain the gateway's port, so it must be known before anything listens.

    Raises:
        PortUnavailableError: A port that was asked for cannot be listened on.
        AddressUnavailableError: There is no such address here.
    """
    chosen: dict[str, int] = {name: getattr(settings, name) for name in _PORTS}
    with contextlib.ExitStack() as held:
        for name, wanted in chosen.items():
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                port = wanted or choose_port(settings.bind, taken=set(chosen.values()))
                probe.bind((settings.bind, port))
            except OSError as err:
                if isinstance(err, socket.gaierror) or err.errno == errno.EADDRNOTAVAIL:
                    raise AddressUnavailableError(settings.bind, err) from err
                raise PortUnavailableError(name, settings.bind, wanted, err) from err
            chosen[name] = port
    return settings.model_copy(update=chosen)


async def _until_ready(layout: DataDir, procd: ProcdClient) -> Addresses:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        status = await procd.get(CONTROL_PLANE)
        hopeless = status.exit_code == CANNOT_START or status.restarts >= 2
        if hopeless or status.state is ProcessState.EXITED:
            raise StartFailedError(f"the control plane does not start: {_last_words(layout)}")
        addresses = Addresses.load(layout)
        if addresses is not None and await is_ready(layout):
            return addresses
        await asyncio.sleep(_POLL_SECONDS)
    raise StartFailedError(
        f"not ready after {START_SECONDS:g} s; see {str(layout.logs / 'control-plane.log')!r}"
    )


async def is_ready(layout: DataDir) -> bool:
    """Whether the API server says that every part is usable."""
    if not layout.kubeconfig.exists():
        return False
    config = load_kubeconfig(layout.kubeconfig)
    timeout = aiohttp.ClientTimeout(total=3)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(
                f"{config.server}/readyz", ssl=config.ssl_context() or ssl.create_default_context()
            ) as response,
        ):
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _last_words(layout: DataDir) -> str:
    """What the control plane wrote last, without time stamps."""
    try:
        lines = (layout.logs / "control-plane.log").read_text(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return last_words([line.split(" ", 3)[-1] for line in lines])


def last_words(lines: Sequence[str]) -> str:
    """What a process said before it ended: its message if it left one, else its last records."""
    said = list(itertools.takewhile(lambda line: not line.startswith("{"), reversed(lines)))
    return " / ".join(reversed(said[:3] or lines[: -_LAST_RECORDS - 1 : -1])) or "its log is empty"


async def stop(data_dir: Path, progress: Progress) -> bool:
    """Drain Envoy, then stop the instances and the rest; return whether anything ran.

    After a supervisor that was killed, what it could not undo on this machine is undone here.
    """
    layout = DataDir(data_dir)
    if control.ping(layout.run) is None:
        await remove_leftovers(layout.sandboxes)
        _remove_outer_run_dir(layout)
        return False
    admin = EnvoyAdmin(GatewayPaths(layout.run).admin_socket)
    if await admin.is_up():
        progress("waiting for requests in flight")
        try:
            await admin.drain(timeout=_DRAIN_SECONDS)
        except (aiohttp.ClientError, OSError, TimeoutError):
            progress("Envoy is gone already")
    progress("stopping instances and the control plane")
    await _shut_down_node(layout)
    control.stop(layout.run, grace_seconds=10)
    Addresses.forget(layout)
    _remove_outer_run_dir(layout)
    return True


async def _shut_down_node(layout: DataDir) -> None:
    """Have the control plane end its instances and undo what it did to the host."""
    try:
        async with await ProcdClient.connect(layout.run) as procd:
            await procd.signal(CONTROL_PLANE, signal.SIGUSR1)
            await procd.stop(CONTROL_PLANE, grace_seconds=30)
    except ProcdError:
        return


def _remove_outer_run_dir(layout: DataDir) -> None:
    if layout.root not in layout.run.parents and layout.run.exists():
        shutil.rmtree(layout.run, ignore_errors=True)
