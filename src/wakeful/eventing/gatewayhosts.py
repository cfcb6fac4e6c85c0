"""How hosts of the cluster lead to the ingress of events: objects that the gateway reads anyway."""

from __future__ import annotations

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
            make_service(),
            make_slice(port),
            make_ingress(hosts, self._class),
        ):
            await self._put(obj)
        self._done = (hosts, port)

    async def _put(self, want: Object) -> None:
        try:
            await self._client.create(want)
        except AlreadyExistsError:
            wire = want.to_wire()
            patch = {k: v for k, v in wire.items() if k not in ("apiVersion", "kind", "metadata")}
            meta = want.metadata
            await self._client.patch(type(want), meta.name, meta.namespace, patch)


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


def make_service() -> Service:
    """The ingress under a name that only the gateway uses."""
    port = ServicePort(name="http", port=_PORT, target_port=_PORT)
    return Service(metadata=_metadata(), spec=ServiceSpec(ports=[port]))


def make_slice(port: int) -> EndpointSlice:
    """Where the ingress listens."""
    endpoint = Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))
    return EndpointSlice(
        metadata=_metadata(),
        address_type="IPv4",
        endpoints=[endpoint],
        ports=[EndpointSlicePort(name="http", protocol="TCP", port=port)],
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
    metadata = _metadata()
    metadata.annotations = {serving.INGRESS_CLASS.name: ingress_class}
    return Ingress(metadata=metadata, spec=IngressSpec(rules=[rule]))


def _metadata() -> ObjectMeta:
    return ObjectMeta(name=NAME, namespace=NAMESPACE, labels={SERVICE_NAME_LABEL: NAME})
