"""Probes: the state machine of thresholds (pure), and one attempt of each kind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import grpc
import grpc.aio

from wakeful.apis.core.pod_types import Container, Probe
from wakeful.node.plan import resolve_port
from wakeful.node.runtime import ExecConfig, Runtime, RuntimeOperationError

_USER_AGENT = "kube-probe/1.34"


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


FIRST_INTERVAL, LAST_INTERVAL = 0.001, 0.02
EAGER_SECONDS = 10.0


def eager_interval(attempt: int) -> float:
    """Seconds between attempts while a container boots: one millisecond, growing to twenty.

    A request may be waiting for this very instance, so the kubelet's period would be far too long;
    growing keeps a slow starter from eating a core.
    """
    return float(min(LAST_INTERVAL, FIRST_INTERVAL * 1.05**attempt))


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try went; ``output`` explains a failure."""

    success: bool
    output: str = ""


class Prober:
    """Carries out one attempt of any kind of probe against one run of a container."""

    def __init__(self, runtime: Runtime, ip: str) -> None:
        self._runtime, self._ip = runtime, ip

    def prepare(
        self, probe: Probe, container: Container, container_id: str
    ) -> Callable[[], Awaitable[Attempt]]:
        """Resolve names once and return what makes one attempt.

        Raises:
            ContainerConfigError: The probe names a port that the container does not have.
        """
        if probe.http_get:
            get = probe.http_get
            port = resolve_port(get.port, container)
            host = get.host or self._ip
            path = get.path if get.path.startswith("/") else "/" + get.path
            headers = {h.name: h.value for h in get.http_headers}
            tls = get.scheme.upper() == "HTTPS"
            return lambda: _http_get(host, port, path, headers, tls=tls)
        if probe.grpc:
            target = f"{self._ip}:{resolve_port(probe.grpc.port, container)}"
            service = probe.grpc.service or ""
            return lambda: _grpc_check(target, service)
        if probe.exec:
            command = tuple(probe.exec.command)
            return lambda: self._exec(container_id, command)
        tcp = probe.tcp_socket
        port = resolve_port(tcp.port if tcp else None, container)
        host = (tcp.host if tcp else "") or self._ip
        return lambda: _tcp_connect(host, port)

    async def _exec(self, container_id: str, command: tuple[str, ...]) -> Attempt:
        try:
            process = await self._runtime.exec(container_id, ExecConfig(argv=command))
        except RuntimeOperationError as err:
            return Attempt(False, str(err))
        try:
            output = await process.stdout.read(10 * 1024)
            code = await process.wait()
            return Attempt(code == 0, output.decode(errors="replace"))
        finally:
            await process.aclose()


async def attempt_within(seconds: float, make: Callable[[], Awaitable[Attempt]]) -> Attempt:
    """Make one attempt, which counts as failed when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await make()
    except TimeoutError:
        return Attempt(False, f"probe timed out after {seconds:g}s")


async def _tcp_connect(host: str, port: int) -> Attempt:
    try:
        _reader, writer = await asyncio.open_connection(host, port)
    except OSError as err:
        return Attempt(False, f"dial tcp {host}:{port}: {err.strerror or err}")
    writer.close()
    return Attempt(True)


async def _http_get(
    host: str, port: int, path: str, headers: dict[str, str], *, tls: bool
) -> Attempt:
    """One GET over a fresh connection; 200..399 is a success, as for the kubelet."""
    context = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except OSError as err:
        return Attempt(False, f"Get {path}: dial tcp {host}:{port}: {err.strerror or err}")
    lower = {name.lower() for name in headers}
    lines = [f"GET {path} HTTP/1.1"]
    if "host" not in lower:
        lines.append(f"Host: {host}:{port}")
    if "user-agent" not in lower:
        lines.append(f"User-Agent: {_USER_AGENT}")
    lines += ["Accept: */*", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        status_line = await reader.readline()
        code = int(status_line.split(b" ", 2)[1])
    except (OSError, ValueError, IndexError) as err:
        return Attempt(False, f"Get {path}: malformed answer: {err}")
    finally:
        writer.close()
    if 200 <= code < 400:
        return Attempt(True)
    return Attempt(False, f"HTTP probe failed with statuscode: {code}")


async def _grpc_check(target: str, service: str) -> Attempt:
    """``grpc.health.v1.Health/Check``; its two messages are small enough to write by hand."""
    name = service.encode()
    request = b"\x0a" + bytes([len(name)]) + name if name else b""
    async with grpc.aio.insecure_channel(target) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
        try:
            answer: bytes = await check(request)
        except grpc.aio.AioRpcError as err:
            return Attempt(False, f"service unhealthy (responded with {err.code().name})")
    serving = answer == b"\x08\x01"
    return Attempt(serving, "" if serving else "service unhealthy (responded with NOT_SERVING)")
