"""Where spans and figures are sent to: the address in an ``…-endpoint`` key, taken apart."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from wakeful.apis.serving.config.parse import ConfigError

_PLAIN, _TLS = "http", "https"
_PORTS = {_PLAIN: 80, _TLS: 443}
_MAX_PORT = 65_535
_LEAST_LISTENING_PORT = 1024
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_PATH = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class CollectorAddress:
    """Whom to send to."""

    host: str
    port: int
    path: str = ""
    tls: bool = False

    @property
    def authority(self) -> str:
        """Host and port, as a ``Host`` header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return _TLS if self.tls else _PLAIN

    @property
    def url(self) -> str:
        """The whole of it."""
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to wait for whoever scrapes; an empty host is every address."""

    host: str
    port: int


def parse_collector(text: str, key: str, *, default_path: str) -> CollectorAddress:
    """Read an endpoint as Knative's exporters do.

    ``host:port`` without a scheme is HTTPS; whatever has a scheme other than ``https`` is plain.
    ``default_path`` is for an address without a path.

    Raises:
        ConfigError: Nobody could be reached at it.
    """
    whole = text if "://" in text else f"{_TLS}://{text}"
    try:
        found = urlsplit(whole)
        host, port = found.hostname or "", found.port
    except ValueError as err:
        raise ConfigError(f"{key} {text!r}: {err}", key=key) from err
    if whole is not text and text[:1].isdigit():
        # Go takes such an address for a path; Knative's processes do not start with it.
        raise ConfigError(f"{key} {text!r}: a scheme is missing, as in http://{text}", key=key)
    if not host:
        raise ConfigError(f"{key} {text!r} names no host", key=key)
    if whole is not text and port is None:
        raise ConfigError(f"{key} {text!r} is no URL, as http://{text}:4318 would be", key=key)
    if not _is_host(host) or port == 0 or not _PATH.fullmatch(found.path):
        raise ConfigError(f"{key} {text!r} is an address that nobody can have", key=key)
    tls = found.scheme.lower() == _TLS
    if port is None:
        port = _PORTS[_TLS if tls else _PLAIN]
    return CollectorAddress(host, port, found.path or default_path, tls)


def is_ip_address(host: str) -> bool:
    """Whether it is no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_host(host: str) -> bool:
    # An address with a zone is none that Envoy takes.
    known = is_ip_address(host) or _NAME.fullmatch(host) is not None
    return known and "%" not in host


def parse_listen_address(text: str, key: str) -> ListenAddress:
    """Read ``host:port``, ``:port`` or ``[address]:port``, as Knative's Prometheus server does.

    Raises:
        ConfigError: It is none, or the port is not one to be had without privileges.
    """
    host, colon, number = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (":" in bare and not bracketed):
        raise ConfigError(
            f'{key} "{text}" for prometheus exporter should be "host:port", "host%zone:port",'
            f' "[host]:port" or "[host%zone]:port"',
            key=key,
        )
    if not (number.isascii() and number.isdigit()):
        message = f'prometheus port "{number}" could not be parsed as a port number'
        raise ConfigError(message, key=key)
    if not _LEAST_LISTENING_PORT <= int(number) <= _MAX_PORT:
        bounds = f"between {_LEAST_LISTENING_PORT} and {_MAX_PORT}"
        raise ConfigError(f"prometheus port {number}, should be {bounds}", key=key)
    return ListenAddress(bare, int(number))
