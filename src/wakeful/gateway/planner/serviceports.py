"""Which ports of plain Services Envoy listens at: on their cluster IPs, and on this node."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Service
from wakeful.apis.core.service_addresses import cluster_ports, node_ports
from wakeful.client import Change
from wakeful.gateway.plan import ServiceKey

log = structlog.get_logger("wakeful.gateway.planner")

_IP_FREEBIND = 15  # of <linux/in.h>; Python does not name it


def can_listen(address: str, port: int) -> bool:
    """Whether Envoy will be able to; asked beforehand, because it refuses a plan for one port.

    Somebody who listens at a port on all addresses of this host has it on those of Services too.
    """
    # As Envoy does it, so that one that has outlived its control plane is not in the way.
    options = ((socket.SOL_SOCKET, socket.SO_REUSEPORT), (socket.SOL_IP, _IP_FREEBIND))
    return _can_bind(address, port, options)


def can_open(address: str, port: int) -> bool:
    """The same for a port of this node, which nobody else may have: not even another platform."""
    return _can_bind(address, port, ((socket.SOL_SOCKET, socket.SO_REUSEADDR),))


def _can_bind(address: str, port: int, options: Iterable[tuple[int, int]]) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        for level, option in options:
            trial.setsockopt(level, option, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            log.warning("service without address", address=address, port=port, error=str(error))
            return False
    return True


@dataclass(frozen=True, slots=True)
class Doors:
    """Where one port of a Service is reached; empty and 0 are nowhere."""

    address: str = ""
    node_port: int = 0


class ServicePorts:
    """Follows Services.

    ``enabled`` says whether they have addresses. ``node_addresses`` are where node ports open;
    ``on_taken`` hears of a Service whose node port somebody else has, and does not give up soon.
    ``trusting`` says whether an Envoy that outlived its control plane may have them already.
    """

    def __init__(
        self,
        *,
        enabled: bool,
        node_addresses: Iterable[str] = (),
        can_listen: Callable[[str, int], bool] = can_listen,
        can_open: Callable[[str, int], bool] = can_open,
        on_taken: Callable[[Service, int], None] = lambda _service, _port: None,
        trusting: Callable[[], bool] = lambda: False,
    ) -> None:
        self._enabled, self._node_addresses = enabled, tuple(node_addresses)
        self._can_listen, self._can_open = can_listen, can_open
        self._on_taken, self._trusting = on_taken, trusting
        self._by_service: dict[NamespacedName, dict[ServiceKey, Doors]] = {}
        self._addresses: dict[ServiceKey, str] | None = None
        self._node_ports: dict[ServiceKey, int] | None = None
        self._taken: dict[NamespacedName, tuple[Service, int]] = {}
        self.any_taken = asyncio.Event()
        """Set while somebody else has a node port; Envoy itself may, until it closed another's."""

    def follow(self, change: Change[Service]) -> bool:
        """Take in a change; tell whether it made a difference."""
        self._taken.pop(change.object.key, None)
        return self._renew(change.object.key, change.new)

    def retry(self) -> set[NamespacedName]:
        """Look again at ports that others had; return the Services for which it made a difference.

        Who is still there is told of.
        """
        taken, self._taken = self._taken, {}
        renewed = {name for name, (service, _) in taken.items() if self._renew(name, service)}
        for service, port in self._taken.values():
            self._on_taken(service, port)
        if not self._taken:
            self.any_taken.clear()
        return renewed

    def _renew(self, name: NamespacedName, service: Service | None) -> bool:
        known = self._by_service.pop(name, {})
        found = self._doors(service, known) if service is not None else {}
        if found:
            self._by_service[name] = found
        if found == known:
            return False
        self._addresses = self._node_ports = None
        return True

    def of(self, service: NamespacedName) -> frozenset[ServiceKey]:
        """The ports of one Service."""
        return frozenset(self._by_service.get(service, ()))

    def keys(self) -> set[ServiceKey]:
        """The ports of all Services."""
        return {key for found in self._by_service.values() for key in found}

    def addresses(self) -> Mapping[ServiceKey, str]:
        """The address at which each of the ports is; the same object until one changes."""
        if self._addresses is None:
            every = self._by_service.values()
            self._addresses = {
                key: doors.address
                for found in every
                for key, doors in found.items()
                if doors.address
            }
        return self._addresses

    def node_ports(self) -> Mapping[ServiceKey, int]:
        """The port of this node that leads to each; the same object until one changes."""
        if self._node_ports is None:
            every = self._by_service.values()
            self._node_ports = {
                key: doors.node_port
                for found in every
                for key, doors in found.items()
                if doors.node_port
            }
        return self._node_ports

    def _doors(
        self, service: Service, known: Mapping[ServiceKey, Doors]
    ) -> dict[ServiceKey, Doors]:
        meta, address = service.metadata, service.spec.cluster_ip

        def key_of(port: int) -> ServiceKey:
            return ServiceKey(meta.namespace, meta.name, port)

        found: dict[ServiceKey, Doors] = {}
        for port in cluster_ports(service) if self._enabled else ():
            key = key_of(port.port)
            has = known.get(key, Doors()).address == address
            if has or self._can_listen(address, key.port):
                found[key] = Doors(address)
        for port in node_ports(service):
            key = key_of(port.port)
            has = known.get(key, Doors()).node_port == port.node_port
            if has or self._trusting() or self._is_free(port.node_port):
                found[key] = Doors(found.get(key, Doors()).address, port.node_port)
            else:
                self._taken[service.key] = service, port.node_port
                self.any_taken.set()
        return found

    def _is_free(self, port: int) -> bool:
        return all(self._can_open(address, port) for address in self._node_addresses)
