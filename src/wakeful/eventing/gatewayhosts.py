"""How hosts of the cluster lead to the ingress of events: objects that the gateway reads anyway."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta
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
from wakeful.apis.serving import register as serving
from wakeful.client import Client

NAMESPACE = "knative-eventing"
NAME = "event-ingress"
BROKER_INGRESS = "broker-ingress"
_PORT = 80


class GatewayHosts:
    """Keeps a Service, its endpoint and an Ingress in line with the hosts and the port."""

    def __init__(self, client: Client, gateway: str, ingress_class: str) -> None:
        """``gateway`` is the gateway's name inside the cluster."""
        self._client, self._gateway, self._class = client, gateway, ingress_class
        self._done: tuple[tuple[str, ...], int] | None = None

    async def lead(self, hosts: tuple[str, ...], port: int) -> None:
        """Have the gateway send requests for these hosts to a port on loopback."""
        if self._done == (hosts, port):
            return
        for obj in (
            make_broker_service(self._gateway),
            *make_selectorless_service(NAME, NAMESPACE, port=_PORT, target_port=port),
            make_ingress(hosts, self._class),
        ):
            await self._client.create_or_patch(obj)
        self._done = (hosts, port)


def make_broker_service(gateway: str) -> Service:
    """The name in every Broker's address; it leads to the gateway."""
    return Service(
        metadata=ObjectMeta(name=BROKER_INGRESS, namespace=NAMESPACE),
        spec=ServiceSpec(
            type=EXTERNAL_NAME,
            external_name=gateway,
            ports=[ServicePort(name="http", port=_PORT, protocol="TCP")],
        ),
    )


def make_ingress(hosts: tuple[str, ...], ingress_class: str) -> Ingress:
    """All hosts that take events, for those inside the cluster only."""
    split = IngressBackendSplit(
        service_namespace=NAMESPACE, service_name=NAME, service_port=_PORT, percent=100
    )
    rule = IngressRule(
        hosts=[name for host in hosts for name in (host, f"{host}.cluster.local")],
        visibility=str(IngressVisibility.CLUSTER_LOCAL),
        http=HTTPIngressRuleValue(paths=[HTTPIngressPath(splits=[split])]),
    )
    metadata = ObjectMeta(
        name=NAME,
        namespace=NAMESPACE,
        annotations={serving.INGRESS_CLASS.name: ingress_class},
    )
    return Ingress(metadata=metadata, spec=IngressSpec(rules=[rule]))
