"""StatefulSet, DaemonSet and ControllerRevision: stored and listed."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apis.apps.replicaset_types import WorkloadCondition
from wakeful.apis.core.pod_types import PodTemplateSpec
from wakeful.apis.core.scalars import IntOrString
from wakeful.apis.core.volumeclaim_types import PersistentVolumeClaim


class RollingUpdate(APIModel):
    """How far an update may go at once."""

    partition: int | None = None
    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None


class UpdateStrategy(APIModel):
    """How old pods give way to new ones."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class StatefulSetSpec(APIModel):
    """Pods with stable names, in order."""

    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = Field(default_factory=PodTemplateSpec)
    volume_claim_templates: list[PersistentVolumeClaim] = Field(default_factory=list)
    service_name: str = ""
    pod_management_policy: str = ""
    update_strategy: UpdateStrategy = Field(default_factory=UpdateStrategy)
    revision_history_limit: int | None = None
    min_ready_seconds: int = 0
    persistent_volume_claim_retention_policy: dict[str, str] | None = None
    ordinals: dict[str, Any] | None = None


class StatefulSetStatus(APIModel):
    """How many there are. ``replicas`` is always sent."""

    observed_generation: int | None = None
    replicas: int | None = None
    ready_replicas: int = 0
    current_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: int | None = None
    conditions: list[WorkloadCondition] = Field(default_factory=list)


class StatefulSet(KResource[StatefulSetSpec, StatefulSetStatus]):
    """Pods with stable names, in order."""

    gvk: ClassVar = GroupVersionKind("apps", "v1", "StatefulSet")

    spec: StatefulSetSpec = Field(default_factory=StatefulSetSpec)
    status: StatefulSetStatus = Field(default_factory=StatefulSetStatus)


class DaemonSetSpec(APIModel):
    """One pod per node."""

    selector: LabelSelector | None = None
    template: PodTemplateSpec = Field(default_factory=PodTemplateSpec)
    update_strategy: UpdateStrategy = Field(default_factory=UpdateStrategy)
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None


class DaemonSetStatus(APIModel):
    """How many nodes run one."""

    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    observed_generation: int | None = None
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_unavailable: int = 0
    collision_count: int | None = None
    conditions: list[WorkloadCondition] = Field(default_factory=list)


class DaemonSet(KResource[DaemonSetSpec, DaemonSetStatus]):
    """One pod per node."""

    gvk: ClassVar = GroupVersionKind("apps", "v1", "DaemonSet")

    spec: DaemonSetSpec = Field(default_factory=DaemonSetSpec)
    status: DaemonSetStatus = Field(default_factory=DaemonSetStatus)


class ControllerRevision(Object):
    """A snapshot of a workload's template."""

    gvk: ClassVar = GroupVersionKind("apps", "v1", "ControllerRevision")

    data: dict[str, Any] | None = None
    revision: int = 0
