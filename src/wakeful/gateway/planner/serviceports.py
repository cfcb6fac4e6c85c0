"""Which ports of plain Services Envoy listens at, on their cluster IPs."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

import structlog

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Service
from wakeful.apis.core.service_addresses import cluster_ports
from wakeful.client import Change
from wakeful.gateway.plan import ServiceKey

log = structlog.get_logger("wakeful.gateway.planner")

_IP_FREEBIND = 15  # of <linux/in.h>; Python does not name it


def can_listen(address: str, port: int) -> bool:
    """Whether Envoy will be able to; asked beforehand, because it refuses a plan for one port.

    Somebody who listens at a port on all addresses of this host has it on those of Services too.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        # As Envoy does it, so that one that has outlived its control plane is not in the way.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        trial.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            log.warning("service without address", address=address, port=port, error=str(error))
            return False
    return True


class ServicePorts:
    """Follows Services; without ``enabled`` none has an address."""

    def __init__(
        self, *, enabled: bool, can_listen: Callable[[str, int], bool] = can_listen
    ) -> None:
        self._enabled, self._can_listen = enabled, can_listen
        self._by_service: dict[NamespacedName, dict[ServiceKey, str]] = {}
        self._addresses: dict[ServiceKey, str] | None = None

    def follow(self, change: Change[Service]) -> bool:
        """Take in a change; tell whether it made a difference."""
        name = change.object.key
        known = self._by_service.pop(name, {})
        found = self._ports(change.new, known) if change.new is not None else {}
        if found:
            self._by_service[name] = found
        if found == known:
            return False
        self._addresses = None
        return True

    def of(self, service: NamespacedName) -> frozenset[ServiceKey]:
        """The ports of one Service."""
        return frozenset(self._by_service.get(service, ()))

    def addresses(self) -> Mapping[ServiceKey, str]:
        """The address at which each of the ports is; the same object until one changes."""
        if self._addresses is None:
            every = self._by_service.values()
            self._addresses = {key: ip for found in every for key, ip in found.items()}
        return self._addresses

    def _ports(self, service: Service, known: dict[ServiceKey, str]) -> dict[ServiceKey, str]:
        if not self._enabled:
            return {}
        meta, address = service.metadata, service.spec.cluster_ip
        keys = [ServiceKey(meta.namespace, meta.name, port.port) for port in cluster_ports(service)]
        return {
            key: address
            for key in keys
            if known.get(key) == address or self._can_listen(address, key.port)
        }
