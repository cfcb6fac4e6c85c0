"""What the two Services of a revision, and the Endpoints of the public one, should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.core import Service
from wakeful.apis.core.service_types import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    ServicePort,
    ServiceSpec,
)
from wakeful.apis.networking import (
    SERVERLESS_SERVICE,
    SERVICE_TYPE,
    NetworkProtocol,
    ServerlessService,
    ServiceType,
)
from wakeful.apis.serving.register import USER_PORT_NAME

HTTP_PORT, H2C_PORT = 80, 81
_H2C = "kubernetes.io/h2c"

Address = tuple[str, int]


def private_name(service: ServerlessService) -> str:
    """``<name>-private``."""
    return child_name(service.metadata.name, "-private")


def _meta(service: ServerlessService, name: str, kind: ServiceType) -> ObjectMeta:
    meta = service.metadata
    labels = {**meta.labels, SERVERLESS_SERVICE: meta.name, SERVICE_TYPE: kind.value}
    return ObjectMeta(
        name=name,
        namespace=meta.namespace,
        labels=labels,
        annotations=dict(meta.annotations),
        owner_references=[owner_reference(service)],
    )


def _port(service: ServerlessService, number: int) -> ServicePort:
    h2c = service.spec.protocol_type == NetworkProtocol.H2C
    return ServicePort(
        name="http2" if h2c else "http",
        protocol="TCP",
        app_protocol=_H2C if h2c else None,
        port=number,
        target_port=USER_PORT_NAME,
    )


def make_private_service(service: ServerlessService, selector: Mapping[str, str]) -> Service:
    """Leads to the instances alone; one port, the same for every protocol."""
    return Service(
        metadata=_meta(service, private_name(service), ServiceType.PRIVATE),
        spec=ServiceSpec(ports=[_port(service, HTTP_PORT)], selector=dict(selector)),
    )


def make_public_service(service: ServerlessService) -> Service:
    """The revision's own name; its Endpoints are written by hand, so it selects nothing."""
    h2c = service.spec.protocol_type == NetworkProtocol.H2C
    return Service(
        metadata=_meta(service, service.metadata.name, ServiceType.PUBLIC),
        spec=ServiceSpec(ports=[_port(service, H2C_PORT if h2c else HTTP_PORT)]),
    )


def make_public_endpoints(service: ServerlessService, addresses: Iterable[Address]) -> Endpoints:
    """Instances, or the gate on their behalf."""
    port = _port(service, 0)
    by_port: dict[int, list[str]] = {}
    for ip, number in sorted(addresses):
        by_port.setdefault(number, []).append(ip)
    subsets = [
        EndpointSubset(
            addresses=[EndpointAddress(ip=ip) for ip in ips],
            ports=[
                EndpointPort(
                    name=port.name, port=number, protocol="TCP", app_protocol=port.app_protocol
                )
            ],
        )
        for number, ips in by_port.items()
    ]
    meta = _meta(service, service.metadata.name, ServiceType.PUBLIC)
    return Endpoints(metadata=meta, subsets=subsets)
