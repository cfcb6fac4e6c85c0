"""Tells where the gate is, under the name by which Knative's activator is known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from wakeful.apimachinery.errors import AlreadyExistsError
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import ServicePort, ServiceSpec
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointSlicePort,
)
from wakeful.apis.serving.register import SYSTEM_NAMESPACE
from wakeful.client import Client
from wakeful.reconciler.networking.serverlessservice.resources import HTTP_PORT, Address

NAME = "activator-service"


class ActivatorService:
    """Publishes the gate's addresses, which may be others in each run."""

    def __init__(self, client: Client, gate: Sequence[Address]) -> None:
        self.name = NAME
        self._client, self._gate = client, gate

    async def run(self) -> None:
        """Publish once; then there is nothing to do."""
        for want in make_activator_service(self._gate):
            await self._put(want)
        await asyncio.Event().wait()

    async def _put(self, want: Object) -> None:
        try:
            await self._client.create(want)
        except AlreadyExistsError:
            wire, meta = want.to_wire(), want.metadata
            patch = {k: v for k, v in wire.items() if k not in ("apiVersion", "kind", "metadata")}
            await self._client.patch(type(want), meta.name, meta.namespace, patch)


def make_activator_service(gate: Sequence[Address]) -> list[Object]:
    """The Service, and a slice with the addresses: no Pod is behind it."""
    port = gate[0][1] if gate else HTTP_PORT
    return [
        Service(
            metadata=ObjectMeta(name=NAME, namespace=SYSTEM_NAMESPACE, labels={"app": "activator"}),
            spec=ServiceSpec(ports=[ServicePort(name="http", port=HTTP_PORT, target_port=port)]),
        ),
        EndpointSlice(
            metadata=ObjectMeta(
                name=NAME, namespace=SYSTEM_NAMESPACE, labels={SERVICE_NAME_LABEL: NAME}
            ),
            address_type="IPv4",
            endpoints=[
                Endpoint(addresses=[address], conditions=EndpointConditions(ready=True))
                for address, _ in gate
            ],
            ports=[EndpointSlicePort(name="http", protocol="TCP", port=port)],
        ),
    ]
