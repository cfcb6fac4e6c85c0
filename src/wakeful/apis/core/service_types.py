"""Service: a stable name and address for pods; Endpoints: the pods behind it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.core.scalars import IntOrString

CLUSTER_IP, NODE_PORT, LOAD_BALANCER = "ClusterIP", "NodePort", "LoadBalancer"
EXTERNAL_NAME = "ExternalName"
HEADLESS = "None"


class ServicePort(APIModel):
    """A port of the service, and the port of the pods it leads to."""

    name: str = ""
    protocol: str = ""
    app_protocol: str | None = None
    port: int = 0
    target_port: IntOrString | None = None
    node_port: int = 0


class ServiceSpec(APIModel):
    """Which pods, under which address."""

    ports: list[ServicePort] = Field(default_factory=list)
    selector: dict[str, str] = Field(default_factory=dict)
    cluster_ip: str = Field(default="", alias="clusterIP")
    cluster_ips: list[str] = Field(default_factory=list, alias="clusterIPs")
    type: str = ""
    external_ips: list[str] = Field(default_factory=list, alias="externalIPs")
    session_affinity: str = ""
    session_affinity_config: dict[str, Any] | None = None
    load_balancer_ip: str = Field(default="", alias="loadBalancerIP")
    load_balancer_source_ranges: list[str] = Field(default_factory=list)
    load_balancer_class: str | None = None
    external_name: str = ""
    external_traffic_policy: str = ""
    internal_traffic_policy: str | None = None
    health_check_node_port: int = 0
    publish_not_ready_addresses: bool = False
    ip_families: list[str] = Field(default_factory=list)
    ip_family_policy: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    traffic_distribution: str | None = None


class LoadBalancerIngress(APIModel):
    """One address or host name."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None
    ports: list[dict[str, Any]] = Field(default_factory=list)


class LoadBalancerStatus(APIModel):
    """Where traffic from outside comes in."""

    ingress: list[LoadBalancerIngress] = Field(default_factory=list)


class ServiceStatus(APIModel):
    """What a load balancer reported."""

    load_balancer: LoadBalancerStatus | None = None
    conditions: list[dict[str, Any]] = Field(default_factory=list)


class Service(KResource[ServiceSpec, ServiceStatus]):
    """A stable name and address for a set of pods."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Service")

    spec: ServiceSpec = Field(default_factory=ServiceSpec)
    status: ServiceStatus = Field(default_factory=ServiceStatus)


class EndpointAddress(APIModel):
    """One address, and the pod it belongs to."""

    ip: str = ""
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(APIModel):
    """A port, named as in the service."""

    name: str = ""
    port: int = 0
    protocol: str = ""
    app_protocol: str | None = None


class EndpointSubset(APIModel):
    """Addresses that offer the same ports."""

    addresses: list[EndpointAddress] = Field(default_factory=list)
    not_ready_addresses: list[EndpointAddress] = Field(default_factory=list)
    ports: list[EndpointPort] = Field(default_factory=list)


class Endpoints(Object):
    """The addresses behind the service of the same name."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Endpoints")

    subsets: list[EndpointSubset] = Field(default_factory=list)
