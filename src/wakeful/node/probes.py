"""Probes: the state machine of thresholds (pure), and one attempt of each kind."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import grpc
import grpc.aio

from wakeful.aio import fair_timeout
from wakeful.apimachinery.errors import WakefulError
from wakeful.apis.core.pod_types import Container, HTTPGetAction, LifecycleHandler, Probe
from wakeful.node.environment import ContainerConfigError
from wakeful.node.plan import resolve_port
from wakeful.node.runtime import ExecConfig, Runtime

_USER_AGENT = "kube-probe/1.34"
_OUTPUT_BYTES = 10 * 1024
_DISCARD_SECONDS = 0.02


class Verdict(StrEnum):
    """What a probe says about its container once the thresholds are counted in."""

    UNDECIDED = "Undecided"
    PASSED = "Passed"
    FAILED = "Failed"


@dataclass(slots=True)
class ProbeState:
    """Counts attempts: so many in a row turn the verdict."""

    success_threshold: int
    failure_threshold: int
    verdict: Verdict = Verdict.UNDECIDED
    _row: int = 0
    _last: bool | None = None

    @classmethod
    def of(cls, probe: Probe) -> ProbeState:
        """Take the thresholds of a probe, or the kubelet's defaults."""
        return cls(probe.success_threshold or 1, probe.failure_threshold or 3)

    def observe(self, success: bool) -> Verdict:
        """Count one attempt and return the verdict now in force."""
        self._row = self._row + 1 if success == self._last else 1
        self._last = success
        if success and self._row >= self.success_threshold:
            self.verdict = Verdict.PASSED
        elif not success and self._row >= self.failure_threshold:
            self.verdict = Verdict.FAILED
        return self.verdict


@dataclass(frozen=True, slots=True)
class Timing:
    """When to probe, in seconds. ``period`` 0 in a Pod means Knative's aggressive probing."""

    initial_delay: float
    period: float
    timeout: float
    aggressive: bool

    @classmethod
    def of(cls, probe: Probe) -> Timing:
        """Read a probe's numbers with the kubelet's defaults."""
        aggressive = not probe.period_seconds
        return cls(
            initial_delay=float(probe.initial_delay_seconds or 0),
            period=float(probe.period_seconds or 10),
            timeout=0.1
            if aggressive and not probe.timeout_seconds
            else float(probe.timeout_seconds or 1),
            aggressive=aggressive,
        )


FIRST_INTERVAL, LAST_INTERVAL = 0.0003, 0.02
GROWTH = 1.02
EXEC_INTERVAL = 0.1
EAGER_SECONDS = 10.0


def eager_interval(attempt: int, *, spawns: bool = False) -> float:
    """Seconds between attempts while a container boots: a fraction of a millisecond, up to twenty.

    A request may be waiting for this very instance, so the kubelet's period would be far too long;
    growing keeps a slow starter from eating a core. A probe that ``spawns`` a process is asked less
    often.
    """
    if spawns:
        return EXEC_INTERVAL
    return float(min(LAST_INTERVAL, FIRST_INTERVAL * GROWTH ** min(attempt, 300)))


def boot_interval(attempt: int, elapsed: float, period: float, *, spawns: bool = False) -> float:
    """Seconds until the next attempt of a container that was never ready.

    Eager for ten seconds, then ten times a second or less, at most ``period``: somebody may still
    be waiting.
    """
    if elapsed < EAGER_SECONDS:
        return eager_interval(attempt, spawns=spawns)
    return min(period, max(0.1, elapsed / 100))


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try went; ``output`` explains a failure."""

    success: bool
    output: str = ""
    refused_port: int = 0
    """Where nobody listened, if that is why it failed."""


MakeAttempt = Callable[[], Awaitable[Attempt]]


class Prober:
    """Carries out attempts of any kind of probe against the containers of one Pod.

    ``ports`` says where a declared port really is, when the Pod has no network of its own.
    """

    def __init__(self, runtime: Runtime, ip: str, ports: Mapping[int, int]) -> None:
        self._runtime, self._ip, self._ports = runtime, ip, ports

    def prepare(
        self, probe: Probe | LifecycleHandler, container: Container, container_id: str
    ) -> MakeAttempt:
        """Resolve names once and return what makes one attempt.

        A probe of a port that the container does not have fails at every attempt.
        """
        try:
            return self._prepare(probe, container, container_id)
        except ContainerConfigError as err:
            failure = Attempt(False, str(err))

            async def fail() -> Attempt:
                return failure

            return fail

    def _prepare(
        self, probe: Probe | LifecycleHandler, container: Container, container_id: str
    ) -> MakeAttempt:
        if probe.http_get:
            return self._http(probe.http_get, container)
        if isinstance(probe, Probe) and probe.grpc:
            target = f"{self._ip}:{self._port(probe.grpc.port, container)}"
            service = probe.grpc.service or ""
            return lambda: _grpc_check(target, service)
        if probe.exec:
            command = tuple(probe.exec.command)
            return lambda: self._exec(container_id, command)
        tcp = probe.tcp_socket
        port = self._port(tcp.port if tcp else None, container)
        host = (tcp.host if tcp else "") or self._ip
        return lambda: _tcp_connect(host, port)

    def _http(self, get: HTTPGetAction, container: Container) -> MakeAttempt:
        port = self._port(get.port, container)
        host = get.host or self._ip
        path = get.path if get.path.startswith("/") else "/" + get.path
        headers = {h.name: h.value for h in get.http_headers}
        tls = get.scheme.upper() == "HTTPS"
        return lambda: _http_get(host, port, path, headers, tls=tls)

    def _port(self, port: int | str | None, container: Container) -> int:
        number = resolve_port(port, container)
        return self._ports.get(number, number)

    async def _exec(self, container_id: str, command: tuple[str, ...]) -> Attempt:
        try:
            process = await self._runtime.exec(container_id, ExecConfig(argv=command))
        except WakefulError as err:
            return Attempt(False, str(err))
        try:
            streams = [process.stdout, *([process.stderr] if process.stderr else [])]
            outputs = await asyncio.gather(*(_read_start(s) for s in streams))
            code = await process.wait()
            return Attempt(code == 0, b"".join(outputs).decode(errors="replace").strip())
        finally:
            await process.aclose()


async def attempt_within(seconds: float, make: MakeAttempt) -> Attempt:
    """Make one attempt, which counts as failed when it takes longer; what we are late does not."""
    try:
        async with fair_timeout(seconds):
            return await make()
    except TimeoutError:
        return Attempt(False, f"probe timed out after {seconds:g}s")


async def _read_start(stream: asyncio.StreamReader) -> bytes:
    """Read to the end, so that the program never blocks, and keep the start."""
    kept = b""
    while chunk := await stream.read(_OUTPUT_BYTES):
        kept += chunk[: _OUTPUT_BYTES - len(kept)]
    return kept


async def _tcp_connect(host: str, port: int) -> Attempt:
    """Connect, no more: it is asked thousands of times a second while a program boots."""
    loop = asyncio.get_running_loop()
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            if not _connects_at_once(probe, host, port):
                await loop.sock_connect(probe, (host, port))
    except (OSError, ValueError, OverflowError) as err:
        return _not_connected(err, host, port)
    return Attempt(True)


def _connects_at_once(probe: socket.socket, host: str, port: int) -> bool:
    """Whether a connection came about while we looked; False when it is yet to be decided.

    On this machine, the kernel has the answer before the call returns: asked again, it tells.

    Raises:
        OSError: It was refused.
    """
    if not _is_address(host):
        return False  # looking a name up would take who knows how long
    for _ in range(2):
        code = probe.connect_ex((host, port))
        if code in (0, errno.EISCONN):
            return True
        if code not in (errno.EINPROGRESS, errno.EALREADY):
            raise OSError(code, os.strerror(code))
    return False


@lru_cache(maxsize=256)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _http_get(
    host: str, port: int, path: str, headers: dict[str, str], *, tls: bool
) -> Attempt:
    """One GET over a fresh connection; 200..399 is a success, as for the kubelet."""
    context = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    what = f'Get "http{"s" if tls else ""}://{host}:{port}{path}": '
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, ValueError, OverflowError) as err:
        return _not_connected(err, host, port, what)
    lower = {name.lower() for name in headers}
    lines = [f"GET {path} HTTP/1.1"]
    if "host" not in lower:
        lines.append(f"Host: {host}:{port}")
    if "user-agent" not in lower:
        lines.append(f"User-Agent: {_USER_AGENT}")
    lines += ["Accept: */*", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        code = _status_code(await reader.readline())
        await _discard(reader)
    except (OSError, ValueError) as err:
        return Attempt(False, what + _why(err))
    finally:
        writer.close()
    if 200 <= code < 400:
        return Attempt(True)
    return Attempt(False, f"HTTP probe failed with statuscode: {code}")


def _status_code(line: bytes) -> int:
    """Read the first line of an answer.

    Raises:
        ValueError: It is none; says so in the kubelet's words, which people search for.
    """
    if not line:
        raise ValueError("EOF")
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if not version.startswith(b"HTTP/") or len(code) < 3 or not code.isdigit():
        told = line.decode(errors="replace").strip()
        raise ValueError(f"malformed HTTP response {json.dumps(told, ensure_ascii=False)}")
    return int(code)


async def _discard(reader: asyncio.StreamReader) -> None:
    """Let the server finish a short answer: closing on it would look like an error there."""
    try:
        async with asyncio.timeout(_DISCARD_SECONDS):
            await reader.read(_OUTPUT_BYTES)
    except (TimeoutError, OSError):
        return


def _not_connected(err: Exception, host: str, port: int, what: str = "") -> Attempt:
    """In the kubelet's words, which people search for."""
    number = err.errno if isinstance(err, OSError) else None
    why = f"connect: {os.strerror(number).lower()}" if number else _why(err)
    refused = port if number == errno.ECONNREFUSED else 0
    return Attempt(False, f"{what}dial tcp {host}:{port}: {why}", refused)


def _why(err: Exception) -> str:
    return (err.strerror if isinstance(err, OSError) else "") or str(err)


async def _grpc_check(target: str, service: str) -> Attempt:
    """``grpc.health.v1.Health/Check``; its two messages are small enough to write by hand."""
    name = service.encode()[:127]
    request = b"\x0a" + bytes([len(name)]) + name if name else b""
    async with grpc.aio.insecure_channel(target) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
        try:
            answer: bytes = await check(request)
        except grpc.aio.AioRpcError as err:
            return Attempt(False, f"service unhealthy (responded with {err.code().name})")
    serving = answer == b"\x08\x01"
    return Attempt(serving, "" if serving else "service unhealthy (responded with NOT_SERVING)")
