"""What makes a ServerlessService worth looking at: its Services, its workload, its members."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.apps import Deployment
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import Endpoints
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.apis.networking import SERVERLESS_SERVICE_CONDITIONS, ServerlessService
from wakeful.client import Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.networking.serverlessservice.activator import ActivatorService
from wakeful.reconciler.networking.serverlessservice.reconciler import (
    ServerlessServiceReconciler,
)
from wakeful.reconciler.networking.serverlessservice.resources import Address

_BY_TARGET, _BY_PRIVATE, _BY_SERVICE = "sks:target", "sks:private-service", "sks:service"


def add_serverlessservice_controller(
    manager: Manager, gate: Sequence[Address] = ()
) -> Controller[ServerlessService]:
    """Build the controller and have the manager run it.

    ``gate`` are addresses at which the gateway takes requests on a sleeping revision's behalf.
    """
    networks = manager.informer(ServerlessService)
    deployments = manager.informer(Deployment)
    services = manager.informer(Service)
    endpoints = manager.informer(Endpoints)
    slices = manager.informer(EndpointSlice)
    networks.add_index(_BY_TARGET, _target)
    networks.add_index(_BY_PRIVATE, _private_service)
    slices.add_index(_BY_SERVICE, _service)

    def ready(namespace: str, name: str) -> Sequence[Address]:
        return ready_addresses(slices.by_index(_BY_SERVICE, f"{namespace}/{name}"))

    def of_deployment(deployment: Deployment) -> Iterable[NamespacedName]:
        return [network.key for network in networks.by_index(_BY_TARGET, str(deployment.key))]

    def of_slice(piece: EndpointSlice) -> Iterable[NamespacedName]:
        return _owners(networks, piece)

    controller = Controller(
        "serverlessservices.networking",
        manager.client,
        networks,
        ServerlessServiceReconciler(manager.client, deployments, services, endpoints, ready, gate),
        conditions=SERVERLESS_SERVICE_CONDITIONS,
        recorder=manager.recorder,
    )
    controller.watch_owned(services)
    controller.watch_owned(endpoints)
    controller.watch(deployments, of_deployment)
    controller.watch(slices, of_slice)
    manager.add(controller)
    if gate:
        manager.add(ActivatorService(manager.client, gate))
    return controller


def ready_addresses(slices: Iterable[EndpointSlice]) -> list[Address]:
    """Addresses of members that are ready, with the first port of their slice."""
    found: set[Address] = set()
    for piece in slices:
        port = piece.ports[0].port if piece.ports else None
        if port is None:
            continue
        for member in piece.endpoints:
            conditions = member.conditions
            if conditions.ready is not False and not conditions.terminating:
                found.update((address, port) for address in member.addresses[:1])
    return sorted(found)


def _owners(
    networks: Informer[ServerlessService], piece: EndpointSlice
) -> Iterable[NamespacedName]:
    names = _service(piece)
    return [network.key for name in names for network in networks.by_index(_BY_PRIVATE, name)]


def _target(network: ServerlessService) -> tuple[str, ...]:
    return (f"{network.metadata.namespace}/{network.spec.object_ref.name}",)


def _private_service(network: ServerlessService) -> tuple[str, ...]:
    name = network.status.private_service_name
    return (f"{network.metadata.namespace}/{name}",) if name else ()


def _service(piece: EndpointSlice) -> tuple[str, ...]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return (f"{piece.metadata.namespace}/{name}",) if name else ()
