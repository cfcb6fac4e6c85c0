"""Sends figures to a collector, over HTTP or gRPC."""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

_TIMEOUT_SECONDS = 10.0
_EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
_TYPE = {"Content-Type": "application/x-protobuf"}


_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
)


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


def trusted_authorities() -> Path:
    """The file with the certificates of all authorities that this machine trusts.

    ``SSL_CERT_FILE`` names another one. The file that is returned need not exist.
    """
    found = ssl.get_default_verify_paths().cafile  # None where there are only single files
    usual = [found, *_BUNDLES] if found else [*_BUNDLES]
    if named := os.environ.get("SSL_CERT_FILE"):
        usual = [named]
    return next((path for path in map(Path, usual) if path.is_file()), Path(usual[0]))


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
        checked = ssl.create_default_context(cafile=trusted_authorities()) if target.tls else True
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                url, data=body, headers=headers, ssl=checked, server_hostname=target.host
            ) as answer,
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
    try:
        credentials = _credentials() if target.tls else None
    except OSError as error:
        raise PushError(f"{where}: no list of trusted authorities: {error}") from error
    options = (("grpc.default_authority", f"{target.host}:{target.port}"),)
    if credentials is not None:
        names = (("grpc.ssl_target_name_override", target.host),)
        channel = grpc.secure_channel(where, credentials, options=options + names)
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

    return grpc.ssl_channel_credentials(trusted_authorities().read_bytes())
