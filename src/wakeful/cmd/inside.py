"""What instances find at this host's address in their own network: the gateway and its names."""

from __future__ import annotations

import socket
from pathlib import Path

import structlog

from wakeful.apis.core import Endpoints
from wakeful.apis.core import Service as KubeService
from wakeful.controller import Manager
from wakeful.node.dns import ClusterZone, HostResolvers, NameServer
from wakeful.reconciler.networking import GatewayDomains

PORT = 80
"""Where URLs of cluster-local services lead."""

log = structlog.get_logger("wakeful.cmd")


def gateway_address(inside: str | None) -> str | None:
    """``inside`` if Envoy can listen there.

    Asked beforehand, because Envoy would otherwise refuse the listener as a whole, with the
    addresses that are free.
    """
    if inside is None:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        # As Envoy does it, so that one that has outlived its control plane is not in the way.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            trial.bind((inside, PORT))
        except OSError as err:
            log.warning(
                "instances cannot reach services by name", address=inside, port=PORT, error=str(err)
            )
            return None
    return inside


def internal_port(remembered: Path) -> int:
    """The port of the gateway's cluster-local listener on loopback; the same in every run.

    Those who send events know it, and Envoy, started again, must be found where it was.
    """
    try:
        port = int(remembered.read_text())
    except (FileNotFoundError, ValueError):
        port = 0
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        # As Envoy does it, so that one that has outlived its control plane is not in the way.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            trial.bind(("127.0.0.1", 0))
        chosen: int = trial.getsockname()[1]
    remembered.write_text(str(chosen))
    return chosen


def internal_tls_port(folder: Path) -> int:
    """The port of the same listener for HTTPS."""
    return internal_port(folder / "internal-tls-port")


def make_names(manager: Manager, inside: str | None) -> NameServer:
    """Who tells instances where services are: those of Routes behind the gateway."""
    domains = GatewayDomains()
    ours = (domains.public, domains.private)
    services, endpoints = manager.informer(KubeService), manager.informer(Endpoints)
    fixed = dict.fromkeys(ours, inside) if inside is not None else {}
    return NameServer(ClusterZone(services.get, endpoints.get, fixed), HostResolvers(), inside)
