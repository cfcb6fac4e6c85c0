"""The way to the receiver of sinks: a name of the cluster that the gateway leads there."""

from __future__ import annotations

import asyncio
from typing import Protocol

from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import EXTERNAL_NAME, ServicePort, ServiceSpec
from wakeful.apis.discovery import make_selectorless_service
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

_PORT = 80


class Receiver(Protocol):
    """A server on loopback."""

    port: int
    listening: asyncio.Event


class JobSinkDoor:
    """Publishes a receiver's port, a new one in each run, under the name of its sinks' Service."""

    def __init__(
        self,
        client: Client,
        receiver: Receiver,
        gateway: str,
        ingress_class: str,
        service: str = register.JOBSINK_SERVICE,
    ) -> None:
        """``gateway`` is the gateway's name inside the cluster."""
        self.name = f"eventing:{service}-door"
        self._client, self._receiver, self._service = client, receiver, service
        self._gateway, self._class = gateway, ingress_class

    async def run(self) -> None:
        """Publish once; then there is nothing to do."""
        await self._receiver.listening.wait()
        for want in make_door(self._receiver.port, self._gateway, self._class, self._service):
            await self._client.create_or_patch(want)
        await asyncio.Event().wait()


def make_door(
    port: int, gateway: str, ingress_class: str, service: str = register.JOBSINK_SERVICE
) -> list[Object]:
    """The receiver behind the gateway, and the name that everybody knows."""
    name = Service(
        metadata=ObjectMeta(name=service, namespace=register.SYSTEM_NAMESPACE),
        spec=ServiceSpec(
            type=EXTERNAL_NAME,
            external_name=gateway,
            ports=[ServicePort(name="http", port=_PORT, protocol="TCP")],
        ),
    )
    receiver = make_selectorless_service(
        _receiver_of(service), register.SYSTEM_NAMESPACE, port=_PORT, target_port=port
    )
    return [name, *receiver, _ingress(ingress_class, service)]


def _receiver_of(service: str) -> str:
    """The Service whose endpoint takes the events; only the gateway uses it."""
    return f"{service}-receiver"


def _ingress(ingress_class: str, service: str) -> Ingress:
    split = IngressBackendSplit(
        service_namespace=register.SYSTEM_NAMESPACE,
        service_name=_receiver_of(service),
        service_port=_PORT,
        percent=100,
    )
    short = f"{service}.{register.SYSTEM_NAMESPACE}.svc"
    rule = IngressRule(
        hosts=[f"{short}.cluster.local", short],
        visibility=str(IngressVisibility.CLUSTER_LOCAL),
        http=HTTPIngressRuleValue(paths=[HTTPIngressPath(splits=[split])]),
    )
    metadata = ObjectMeta(
        name=service,
        namespace=register.SYSTEM_NAMESPACE,
        annotations={INGRESS_CLASS.name: ingress_class},
    )
    return Ingress(metadata=metadata, spec=IngressSpec(rules=[rule]))
