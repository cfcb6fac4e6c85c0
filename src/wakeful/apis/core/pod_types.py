"""Pod: what should run together, and how it is doing.

The parts live in :mod:`.container_types`, :mod:`.volume_types` and :mod:`.scalars`; this module
re-exports them, so users need one import.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, ObjectMeta, Time
from wakeful.apis.core.container_types import (
    Capabilities,
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    ContainerPort,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    EphemeralContainer,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    Lifecycle,
    LifecycleHandler,
    Probe,
    ResourceRequirements,
    SecretEnvSource,
    SecretKeySelector,
    SecurityContext,
    SleepAction,
    TCPSocketAction,
)
from wakeful.apis.core.scalars import IntOrString, Quantity, ResourceList
from wakeful.apis.core.volume_types import (
    ConfigMapProjection,
    ConfigMapVolumeSource,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    KeyToPath,
    ObjectFieldSelector,
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    ResourceFieldSelector,
    SecretProjection,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeDevice,
    VolumeMount,
    VolumeProjection,
)

POD_READY, CONTAINERS_READY = "Ready", "ContainersReady"
POD_SCHEDULED, POD_INITIALIZED = "PodScheduled", "Initialized"


class PodPhase(StrEnum):
    """Where a pod is in its life."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class LocalObjectReference(APIModel):
    """A name in the same namespace."""

    name: str = ""


class PodSecurityContext(APIModel):
    """Privileges of every container of the pod."""

    se_linux_options: dict[str, Any] | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    supplemental_groups: list[int] = Field(default_factory=list)
    supplemental_groups_policy: str | None = None
    fs_group: int | None = None
    fs_group_change_policy: str | None = None
    sysctls: list[dict[str, Any]] = Field(default_factory=list)
    seccomp_profile: dict[str, Any] | None = None
    app_armor_profile: dict[str, Any] | None = None


class Toleration(APIModel):
    """A taint the pod bears."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class HostAlias(APIModel):
    """A line of ``/etc/hosts``."""

    ip: str = ""
    hostnames: list[str] = Field(default_factory=list)


class PodReadinessGate(APIModel):
    """A condition that must be True before the pod counts as ready."""

    condition_type: str = ""


class PodSpec(APIModel):
    """What should run."""

    volumes: list[Volume] = Field(default_factory=list)
    init_containers: list[Container] = Field(default_factory=list)
    containers: list[Container] = Field(default_factory=list)
    ephemeral_containers: list[EphemeralContainer] = Field(default_factory=list)
    restart_policy: str = ""
    termination_grace_period_seconds: int | None = None
    active_deadline_seconds: int | None = None
    dns_policy: str = ""
    dns_config: dict[str, Any] | None = None
    node_selector: dict[str, str] = Field(default_factory=dict)
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: bool | None = None
    node_name: str = ""
    host_network: bool = False
    host_pid: bool = Field(default=False, alias="hostPID")
    host_ipc: bool = Field(default=False, alias="hostIPC")
    host_users: bool | None = None
    share_process_namespace: bool | None = None
    security_context: PodSecurityContext | None = None
    image_pull_secrets: list[LocalObjectReference] = Field(default_factory=list)
    hostname: str = ""
    subdomain: str = ""
    set_hostname_as_fqdn: bool | None = Field(default=None, alias="setHostnameAsFQDN")
    affinity: dict[str, Any] | None = None
    scheduler_name: str = ""
    tolerations: list[Toleration] = Field(default_factory=list)
    host_aliases: list[HostAlias] = Field(default_factory=list)
    priority_class_name: str = ""
    priority: int | None = None
    preemption_policy: str | None = None
    readiness_gates: list[PodReadinessGate] = Field(default_factory=list)
    runtime_class_name: str | None = None
    enable_service_links: bool | None = None
    overhead: ResourceList = Field(default_factory=dict)
    topology_spread_constraints: list[dict[str, Any]] = Field(default_factory=list)
    os: dict[str, Any] | None = None
    scheduling_gates: list[dict[str, Any]] = Field(default_factory=list)
    resource_claims: list[dict[str, Any]] = Field(default_factory=list)
    resources: ResourceRequirements | None = None


class PodTemplateSpec(APIModel):
    """What pods made from this template look like."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PodSpec = Field(default_factory=PodSpec)


class ContainerStateWaiting(APIModel):
    """Not started yet, and why."""

    reason: str = ""
    message: str = ""


class ContainerStateRunning(APIModel):
    """Running since."""

    started_at: Time | None = None


class ContainerStateTerminated(APIModel):
    """Ended, and how."""

    exit_code: int | None = None
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None
    container_id: str = Field(default="", alias="containerID")


class ContainerState(APIModel):
    """At most one member is set; none means waiting."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(APIModel):
    """How one container is doing; ``ready`` and ``restartCount`` are always sent when set."""

    name: str = ""
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    ready: bool | None = None
    restart_count: int | None = None
    image: str = ""
    image_id: str = Field(default="", alias="imageID")
    container_id: str = Field(default="", alias="containerID")
    started: bool | None = None
    volume_mounts: list[dict[str, Any]] = Field(default_factory=list)
    resources: ResourceRequirements | None = None


class PodCondition(APIModel):
    """One observation about a pod."""

    type: str = ""
    status: str = ""
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""
    observed_generation: int | None = None


class PodIP(APIModel):
    """An address of the pod."""

    ip: str = ""


class HostIP(APIModel):
    """An address of the pod's node."""

    ip: str = ""


class PodStatus(APIModel):
    """How the pod is doing."""

    observed_generation: int | None = None
    phase: str = ""
    conditions: list[PodCondition] = Field(default_factory=list)
    message: str = ""
    reason: str = ""
    nominated_node_name: str = ""
    host_ip: str = Field(default="", alias="hostIP")
    host_ips: list[HostIP] = Field(default_factory=list, alias="hostIPs")
    pod_ip: str = Field(default="", alias="podIP")
    pod_ips: list[PodIP] = Field(default_factory=list, alias="podIPs")
    start_time: Time | None = None
    init_container_statuses: list[ContainerStatus] = Field(default_factory=list)
    container_statuses: list[ContainerStatus] = Field(default_factory=list)
    ephemeral_container_statuses: list[ContainerStatus] = Field(default_factory=list)
    qos_class: str = ""
    resize: str = ""

    def condition(self, kind: str) -> PodCondition | None:
        """The condition of that type, if it was ever set."""
        return next((c for c in self.conditions if c.type == kind), None)


FROZEN_ANNOTATION = "node.wakeful.dev/frozen"
"""On a pod: since when its processes are to be stopped where they are."""
PARKED_ANNOTATION = "node.wakeful.dev/parked"
"""On a pod: since when its program is not to begin yet; taken away, it begins."""
ZYGOTE_ANNOTATION = "node.wakeful.dev/zygote"
"""On a pod, from its node: what has been imported ahead, or ``unfit:`` and why nothing is."""
UNFIT = "unfit: "


class Pod(KResource[PodSpec, PodStatus]):
    """Containers that run together on one node and share an address."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Pod")

    spec: PodSpec = Field(default_factory=PodSpec)
    status: PodStatus = Field(default_factory=PodStatus)

    @property
    def is_ready(self) -> bool:
        """Whether the Ready condition is True."""
        ready = self.status.condition(POD_READY)
        return ready is not None and ready.status == "True"

    @property
    def is_finished(self) -> bool:
        """Whether every container ended for good."""
        return self.status.phase in (PodPhase.SUCCEEDED, PodPhase.FAILED)

    @property
    def is_active(self) -> bool:
        """Neither finished nor being deleted."""
        return not self.is_finished and not self.is_deleting


__all__ = [
    "CONTAINERS_READY",
    "POD_INITIALIZED",
    "POD_READY",
    "POD_SCHEDULED",
    "Capabilities",
    "ConfigMapEnvSource",
    "ConfigMapKeySelector",
    "ConfigMapProjection",
    "ConfigMapVolumeSource",
    "Container",
    "ContainerPort",
    "ContainerState",
    "ContainerStateRunning",
    "ContainerStateTerminated",
    "ContainerStateWaiting",
    "ContainerStatus",
    "DownwardAPIProjection",
    "DownwardAPIVolumeFile",
    "DownwardAPIVolumeSource",
    "EmptyDirVolumeSource",
    "EnvFromSource",
    "EnvVar",
    "EnvVarSource",
    "EphemeralContainer",
    "ExecAction",
    "GRPCAction",
    "HTTPGetAction",
    "HTTPHeader",
    "HostAlias",
    "HostIP",
    "HostPathVolumeSource",
    "IntOrString",
    "KeyToPath",
    "Lifecycle",
    "LifecycleHandler",
    "LocalObjectReference",
    "ObjectFieldSelector",
    "PersistentVolumeClaimVolumeSource",
    "Pod",
    "PodCondition",
    "PodIP",
    "PodPhase",
    "PodReadinessGate",
    "PodSecurityContext",
    "PodSpec",
    "PodStatus",
    "PodTemplateSpec",
    "Probe",
    "ProjectedVolumeSource",
    "Quantity",
    "ResourceFieldSelector",
    "ResourceList",
    "ResourceRequirements",
    "SecretEnvSource",
    "SecretKeySelector",
    "SecretProjection",
    "SecretVolumeSource",
    "SecurityContext",
    "ServiceAccountTokenProjection",
    "SleepAction",
    "TCPSocketAction",
    "Toleration",
    "Volume",
    "VolumeDevice",
    "VolumeMount",
    "VolumeProjection",
]
