"""Services without a selector: their endpoints are told, since no Pod is behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apis.core.service_types import Service, ServicePort, ServiceSpec
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    EndpointSlicePort,
)


def make_selectorless_service(
    name: str,
    namespace: str,
    *,
    port: int,
    target_port: int,
    addresses: Sequence[str] = ("127.0.0.1",),
    labels: Mapping[str, str] | None = None,
) -> list[Object]:
    """A Service with ``port``, and the slice that leads it to ``target_port`` of ``addresses``."""
    return [
        Service(
            metadata=ObjectMeta(name=name, namespace=namespace, labels=dict(labels or {})),
            spec=ServiceSpec(ports=[ServicePort(name="http", port=port, target_port=target_port)]),
        ),
        EndpointSlice(
            metadata=ObjectMeta(name=name, namespace=namespace, labels={SERVICE_NAME_LABEL: name}),
            address_type="IPv4",
            endpoints=[
                Endpoint(addresses=[address], conditions=EndpointConditions(ready=True))
                for address in addresses
            ],
            ports=[EndpointSlicePort(name="http", protocol="TCP", port=target_port)],
        ),
    ]
