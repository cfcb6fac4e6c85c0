"""Node: a machine that runs pods."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apis.core.scalars import ResourceList


class Taint(APIModel):
    """Keeps pods away that do not tolerate it."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: Time | None = None


class NodeSpec(APIModel):
    """What was decided about the node."""

    pod_cidr: str = Field(default="", alias="podCIDR")
    pod_cidrs: list[str] = Field(default_factory=list, alias="podCIDRs")
    provider_id: str = Field(default="", alias="providerID")
    unschedulable: bool = False
    taints: list[Taint] = Field(default_factory=list)


class NodeCondition(APIModel):
    """One observation about a node."""

    type: str = ""
    status: str = ""
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class NodeAddress(APIModel):
    """An address by type: Hostname, InternalIP, ExternalIP."""

    type: str = ""
    address: str = ""


class DaemonEndpoint(APIModel):
    """A port of a daemon."""

    port: int = Field(default=0, alias="Port")


class NodeDaemonEndpoints(APIModel):
    """Where the node agent answers."""

    kubelet_endpoint: DaemonEndpoint | None = None


class NodeSystemInfo(APIModel):
    """What the node is made of."""

    machine_id: str = Field(default="", alias="machineID")
    system_uuid: str = Field(default="", alias="systemUUID")
    boot_id: str = Field(default="", alias="bootID")
    kernel_version: str = ""
    os_image: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""
    kube_proxy_version: str = ""
    operating_system: str = ""
    architecture: str = ""


class ContainerImage(APIModel):
    """An image on the node."""

    names: list[str] = Field(default_factory=list)
    size_bytes: int = 0


class NodeStatus(APIModel):
    """What the node reports about itself."""

    capacity: ResourceList = Field(default_factory=dict)
    allocatable: ResourceList = Field(default_factory=dict)
    phase: str = ""
    conditions: list[NodeCondition] = Field(default_factory=list)
    addresses: list[NodeAddress] = Field(default_factory=list)
    daemon_endpoints: NodeDaemonEndpoints | None = None
    node_info: NodeSystemInfo | None = None
    images: list[ContainerImage] = Field(default_factory=list)
    volumes_in_use: list[str] = Field(default_factory=list)
    volumes_attached: list[dict[str, Any]] = Field(default_factory=list)


class Node(KResource[NodeSpec, NodeStatus]):
    """A machine that runs pods."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Node")

    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)
