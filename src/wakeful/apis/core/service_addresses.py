"""Which Services have an address that something answers at. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from wakeful.apis.core.service_rules import wants_node_ports
from wakeful.apis.core.service_types import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    HEADLESS,
    Service,
    ServicePort,
)

_TCP = ("", "TCP")
_REVISIONS = "networking.internal.knative.dev/serverlessservice"
"""Label of a revision's Services: the gateway leads to those by name, and there are many."""


def has_cluster_address(service: Service) -> bool:
    """Whether connections to the Service's cluster IP are passed on to what is behind it.

    That is its instances, or without a selector what Endpoints of its name say. The gateway's own
    Services, which are load balancers, have neither.
    """
    spec = service.spec
    return (
        spec.type != EXTERNAL_NAME
        and spec.cluster_ip not in ("", HEADLESS)
        and (bool(spec.selector) or spec.type in ("", CLUSTER_IP))
        and _REVISIONS not in service.metadata.labels
    )


def cluster_ports(service: Service) -> Iterator[ServicePort]:
    """The ports at which the cluster IP answers; UDP and SCTP are left out."""
    if has_cluster_address(service):
        yield from (port for port in service.spec.ports if port.protocol in _TCP)


def node_ports(service: Service) -> Iterator[ServicePort]:
    """The ports that a port of the node leads to; UDP and SCTP are left out.

    Only those of Services that select Pods: the gateway's own, which are load balancers, are
    reached at the gateway.
    """
    if service.spec.selector and wants_node_ports(service):
        ports = service.spec.ports
        yield from (port for port in ports if port.protocol in _TCP and port.node_port)


def renames_ports(service: Service) -> bool:
    """Whether the instances have other ports than their Service."""
    return any(port.target_port not in (None, 0, "", port.port) for port in service.spec.ports)
