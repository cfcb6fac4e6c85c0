"""Names of the cluster for senders in the control plane, answered from the shared informers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

from wakeful.apis.core import Service
from wakeful.apis.core.service_types import EXTERNAL_NAME, ServicePort
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.controller import Manager
from wakeful.eventing.delivery.names import Address, NameTable, cluster_name

_BY_SERVICE = "eventing:service"


class ClusterNames:
    """A :class:`~wakeful.eventing.delivery.Resolver` that follows Services and their endpoints.

    Plain Services with endpoints or a selector are reached at their instances; every other name of
    the cluster is the gateway's (``gateway`` is where its cluster-local listener is now,
    ``gateway_tls`` the one for HTTPS).
    """

    def __init__(
        self,
        manager: Manager,
        gateway: Callable[[], Address],
        gateway_tls: Address | None = None,
    ) -> None:
        self._gateway, self._gateway_tls = gateway, gateway_tls
        self.services = manager.informer(Service)
        self.slices = manager.informer(EndpointSlice)
        self.slices.add_index(_BY_SERVICE, _service_of)
        self._turns = count()

    def resolve(self, host: str, port: int) -> Address:
        """Return where to connect for ``host``."""
        return self.table([host], self._turns).resolve(host, port)

    def table(self, hosts: Iterable[str], turns: count[int] | None = None) -> NameTable:
        """A table that answers for these hosts as this resolver does now."""
        services: dict[tuple[str, str], dict[int, list[Address]]] = {}
        for host in hosts:
            name = cluster_name(host.lower().rstrip("."))
            if name is not None and (ports := self._ports(*name)) is not None:
                services[name] = ports
        return NameTable(self._gateway(), services, self._gateway_tls, turns or count())

    def _ports(self, name: str, namespace: str) -> dict[int, list[Address]] | None:
        service = self.services.get(name, namespace)
        if service is None or service.spec.type == EXTERNAL_NAME:
            return None
        slices = self.slices.by_index(_BY_SERVICE, f"{namespace}/{name}")
        return {port.port: _addresses(slices, port) for port in service.spec.ports}


def _addresses(slices: Iterable[EndpointSlice], port: ServicePort) -> list[Address]:
    found: dict[Address, None] = {}
    for piece in slices:
        number = next((p.port for p in piece.ports if (p.name or "") == (port.name or "")), None)
        if number is None:
            continue
        for member in piece.endpoints:
            if member.conditions.ready is not False and member.addresses:
                found[member.addresses[0], number] = None
    return list(found)


def _service_of(piece: EndpointSlice) -> tuple[str, ...]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return (f"{piece.metadata.namespace}/{name}",) if name else ()
