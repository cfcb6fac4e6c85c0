"""Where the gateway listens and how much it may take; read once by whoever wires the process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wakeful.apimachinery.errors import WakefulError

_SUN_PATH_LIMIT = 107
"""Bytes a Unix socket's path may have on Linux."""


class SocketPathTooLongError(WakefulError):
    """A Unix socket below the chosen directory would have a path the kernel refuses."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{str(path)!r}: a Unix socket's path may have {_SUN_PATH_LIMIT} bytes at most; "
            "choose a shorter run directory"
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class GatewayPaths:
    """The files the gateway and its Envoy meet in; all private to the user."""

    run_dir: Path

    @property
    def control_socket(self) -> Path:
        """ADS, LRS and the gate's ext_proc service, all served by the control plane."""
        return self.run_dir / "gateway-control.sock"

    @property
    def admin_socket(self) -> Path:
        """Envoy's admin interface."""
        return self.run_dir / "envoy-admin.sock"

    @property
    def bootstrap(self) -> Path:
        """Envoy's start configuration."""
        return self.run_dir / "envoy.json"

    def check(self) -> None:
        """Refuse a run directory that is too deep for Unix sockets.

        Raises:
            SocketPathTooLongError: One of the sockets could not be bound.
        """
        for path in (self.control_socket, self.admin_socket):
            if len(str(path).encode()) > _SUN_PATH_LIMIT:
                raise SocketPathTooLongError(path)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """One Envoy's listeners and limits."""

    paths: GatewayPaths
    http_addresses: tuple[str, ...] = ("127.0.0.1",)
    """Addresses of the public listener; the first decides the port when ``http_port`` is 0."""
    http_port: int = 8080
    https_port: int | None = None
    """Port of the HTTPS listener; it opens once the plan holds a certificate."""
    internal_addresses: tuple[str, ...] = ("127.0.0.1",)
    internal_port: int = 0
    """Port of the listener for cluster-local hosts; 0 lets the kernel choose."""
    internal_tls_port: int | None = None
    """HTTPS for cluster-local hosts; opens once the plan holds a certificate of one."""
    inside_address: str | None = None
    """Address at which instances reach the cluster-local hosts; None: they share ours."""
    inside_port: int = 80
    """The port that URLs of cluster-local hosts imply."""
    inside_tls_port: int = 443
    service_addresses: bool = False
    """Whether plain Services are served at their cluster IPs; someone has to lead those here."""
    concurrency: int = 1
    """Envoy's workers. One carries some 25,000 requests a second."""
    cold_start_margin_seconds: float = 0.25
    """How much longer than the revision's own timeout Envoy waits in all, so that the gate gives
    its own answer to a request it held for the whole of that time."""
    max_connections: int = 20_000
    """Connections from clients; a quarter of the file descriptors at most."""
    max_heap_bytes: int = 2 << 30
    """Envoy answers 503 above this instead of being killed by the kernel."""
    node_id: str = "wakeful-gateway"
    drain_seconds: int = 30
    """Over this time Envoy asks its clients to reconnect elsewhere while it drains."""
    base_id: int = 0
    """Shared-memory identity; Envoys on one machine need different ones. 0 takes any free one."""
