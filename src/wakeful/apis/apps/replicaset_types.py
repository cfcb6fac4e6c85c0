"""ReplicaSet: a number of like pods."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apis.core.pod_types import PodTemplateSpec

REPLICA_FAILURE = "ReplicaFailure"


class WorkloadCondition(APIModel):
    """One observation about a workload."""

    type: str = ""
    status: str = ""
    last_update_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ReplicaSetSpec(APIModel):
    """How many pods, of which template, known by which labels."""

    replicas: int | None = None
    min_ready_seconds: int = 0
    selector: LabelSelector | None = None
    template: PodTemplateSpec = Field(default_factory=PodTemplateSpec)


class ReplicaSetStatus(APIModel):
    """How many there are. ``replicas`` is always sent."""

    replicas: int | None = None
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    terminating_replicas: int | None = None
    observed_generation: int | None = None
    conditions: list[WorkloadCondition] = Field(default_factory=list)

    def condition(self, kind: str) -> WorkloadCondition | None:
        """The condition of that type, if it is set."""
        return next((c for c in self.conditions if c.type == kind), None)


class ReplicaSet(KResource[ReplicaSetSpec, ReplicaSetStatus]):
    """A number of like pods."""

    gvk: ClassVar = GroupVersionKind("apps", "v1", "ReplicaSet")

    spec: ReplicaSetSpec = Field(default_factory=ReplicaSetSpec)
    status: ReplicaSetStatus = Field(default_factory=ReplicaSetStatus)
