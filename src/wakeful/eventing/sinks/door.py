"""The way to the receiver of JobSinks: a name of the cluster that the gateway leads there."""

from __future__ import annotations

import asyncio

from wakeful.apimachinery.errors import AlreadyExistsError
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import EXTERNAL_NAME, ServicePort, ServiceSpec
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointSlicePort,
)
from wakeful.apis.networking import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressVisibility,
)
from wakeful.apis.serving.register import INGRESS_CLASS
from wakeful.apis.sinks import register
from wakeful.client import Client
from wakeful.eventing.sinks.jobsink import JobSinkReceiver

_RECEIVER = f"{register.JOBSINK_SERVICE}-receiver"
"""The Service whose endpoint takes the events; only the gateway uses it."""
_PORT = 80


class JobSinkDoor:
    """Publishes the receiver's port, a new one in each run."""

    name = "eventing:jobsink-door"

    def __init__(
        self, client: Client, receiver: JobSinkReceiver, gateway: str, ingress_class: str
    ) -> None:
        """``gateway`` is the gateway's name inside the cluster."""
        self._client, self._receiver = client, receiver
        self._gateway, self._class = gateway, ingress_class

    async def run(self) -> None:
        """Publish once; then there is nothing to do."""
        await self._receiver.listening.wait()
        for want in make_door(self._receiver.port, self._gateway, self._class):
            await self._put(want)
        await asyncio.Event().wait()

    async def _put(self, want: Object) -> None:
        try:
            await self._client.create(want)
        except AlreadyExistsError:
            wire = want.to_wire()
            patch = {k: v for k, v in wire.items() if k not in ("apiVersion", "kind", "metadata")}
            meta = want.metadata
            await self._client.patch(type(want), meta.name, meta.namespace, patch)


def make_door(port: int, gateway: str, ingress_class: str) -> list[Object]:
    """The receiver behind the gateway, and the name that everybody knows."""
    named = ObjectMeta(name=register.JOBSINK_SERVICE, namespace=register.SYSTEM_NAMESPACE)
    receiver = ObjectMeta(
        name=_RECEIVER,
        namespace=register.SYSTEM_NAMESPACE,
        labels={SERVICE_NAME_LABEL: _RECEIVER},
    )
    ports = [ServicePort(name="http", port=_PORT, protocol="TCP")]
    endpoint = Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))
    return [
        Service(
            metadata=named,
            spec=ServiceSpec(type=EXTERNAL_NAME, external_name=gateway, ports=ports),
        ),
        Service(
            metadata=receiver,
            spec=ServiceSpec(ports=[ServicePort(name="http", port=_PORT, target_port=_PORT)]),
        ),
        EndpointSlice(
            metadata=receiver,
            address_type="IPv4",
            endpoints=[endpoint],
            ports=[EndpointSlicePort(name="http", protocol="TCP", port=port)],
        ),
        _ingress(ingress_class),
    ]


def _ingress(ingress_class: str) -> Ingress:
    split = IngressBackendSplit(
        service_namespace=register.SYSTEM_NAMESPACE,
        service_name=_RECEIVER,
        service_port=_PORT,
        percent=100,
    )
    short = register.JOBSINK_HOST.removesuffix(".cluster.local")
    rule = IngressRule(
        hosts=[register.JOBSINK_HOST, short],
        visibility=str(IngressVisibility.CLUSTER_LOCAL),
        http=HTTPIngressRuleValue(paths=[HTTPIngressPath(splits=[split])]),
    )
    metadata = ObjectMeta(
        name=register.JOBSINK_SERVICE,
        namespace=register.SYSTEM_NAMESPACE,
        annotations={INGRESS_CLASS.name: ingress_class},
    )
    return Ingress(metadata=metadata, spec=IngressSpec(rules=[rule]))
