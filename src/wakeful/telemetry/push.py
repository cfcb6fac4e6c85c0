"""Sends figures to a collector, over HTTP or gRPC."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

_TIMEOUT_SECONDS = 10.0
_EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_TYPE = {"Content-Type": "application/x-protobuf"}


class PushError(Exception):
    """The collector was not reached, or did not take it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to send to; ``address`` is where to connect, ``host`` what certificates are to name."""

    host: str
    port: int
    path: str
    tls: bool
    address: str

    def connect_to(self) -> str:
        """Address and port."""
        where = f"[{self.address}]" if ":" in self.address else self.address
        return f"{where}:{self.port}"


async def push_http(body: bytes, target: Target) -> None:
    """Post an ``ExportMetricsServiceRequest``.

    Raises:
        PushError: It did not arrive.
    """
    import aiohttp

    scheme = "https" if target.tls else "http"
    host = f"[{target.host}]" if ":" in target.host else target.host
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    headers = {**_TYPE, "Host": f"{host}:{target.port}"}
    url = f"{scheme}://{target.connect_to()}{target.path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, server_hostname=target.host) as answer,
        ):
            if not answer.ok:
                raise PushError(f"{url}: {answer.status} {answer.reason}")
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        raise PushError(f"{url}: {str(error) or type(error).__name__}") from error


async def push_grpc(body: bytes, target: Target) -> None:
    """Call a collector's ``MetricsService``.

    Raises:
        PushError: It did not arrive.
    """
    # In a thread and not in the loop: gRPC has its other loop where the gateway is.
    await asyncio.to_thread(_call, body, target)


def _call(body: bytes, target: Target) -> None:
    import grpc

    where = target.connect_to()
    options = (("grpc.default_authority", f"{target.host}:{target.port}"),)
    if target.tls:
        names = (("grpc.ssl_target_name_override", target.host),)
        channel = grpc.secure_channel(where, _credentials(), options=options + names)
    else:
        channel = grpc.insecure_channel(where, options=options)
    with channel:
        try:
            export = channel.unary_unary(_EXPORT, _as_it_is, _as_it_is)
            export(body, timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise PushError(f"{where}: {error.code().name}: {error.details()}") from error


def _as_it_is(body: bytes) -> bytes:
    return body


def _credentials() -> grpc.ChannelCredentials:
    import grpc

    trusted = ssl.get_default_verify_paths()
    roots = Path(trusted.cafile or trusted.openssl_cafile).read_bytes()
    return grpc.ssl_channel_credentials(roots)
