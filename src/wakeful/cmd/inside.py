"""What instances find at this host's address in their own network: the gateway and its names."""

from __future__ import annotations

import socket
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

import structlog

from wakeful.apis.core import Endpoints
from wakeful.apis.core import Service as KubeService
from wakeful.controller import Manager
from wakeful.loopback import choose_port, is_free
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


class InternalPorts(NamedTuple):
    """Where the gateway's cluster-local listener is on loopback."""

    http: int
    https: int


def internal_ports(folder: Path) -> InternalPorts:
    """The ports that ``folder`` remembers; the same in every run.

    Those who send events know them, and Envoy, started again, must be found where it was.
    """
    http = _kept_port(folder / "internal-port")
    return InternalPorts(http, _kept_port(folder / "internal-tls-port", taken={http}))


def _kept_port(remembered: Path, taken: Container[int] = ()) -> int:
    try:
        port = int(remembered.read_text())
    except (FileNotFoundError, ValueError):
        port = choose_port(taken=taken)
    # As Envoy does it, so that one that has outlived its control plane is not in the way.
    if port in taken or not is_free(port, option=socket.SO_REUSEPORT):
        port = choose_port(taken=taken)
    remembered.write_text(str(port))
    return port


def make_names(manager: Manager, inside: str | None) -> NameServer:
    """Who tells instances where services are: those of Routes behind the gateway."""
    domains = GatewayDomains()
    ours = (domains.public, domains.private)
    services, endpoints = manager.informer(KubeService), manager.informer(Endpoints)
    fixed = dict.fromkeys(ours, inside) if inside is not None else {}
    return NameServer(ClusterZone(services.get, endpoints.get, fixed), HostResolvers(), inside)
