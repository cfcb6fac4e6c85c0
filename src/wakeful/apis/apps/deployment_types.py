"""Deployment: replica sets that replace each other without interruption."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.apps.replicaset_types import WorkloadCondition
from wakeful.apis.core.pod_types import PodTemplateSpec
from wakeful.apis.core.scalars import IntOrString

AVAILABLE, PROGRESSING = "Available", "Progressing"
ROLLING_UPDATE, RECREATE = "RollingUpdate", "Recreate"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
TEMPLATE_HASH = "pod-template-hash"


class RollingUpdateDeployment(APIModel):
    """How far a rollout may deviate from the desired number."""

    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None


class DeploymentStrategy(APIModel):
    """How old pods give way to new ones."""

    type: str = ""
    rolling_update: RollingUpdateDeployment | None = None


class DeploymentSpec(APIModel):
    """How many pods of which template, and how to get there."""

    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = Field(default_factory=PodTemplateSpec)
    strategy: DeploymentStrategy = Field(default_factory=DeploymentStrategy)
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    paused: bool = False
    progress_deadline_seconds: int | None = None


class DeploymentStatus(APIModel):
    """How far the rollout is."""

    observed_generation: int | None = None
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    terminating_replicas: int | None = None
    collision_count: int | None = None
    conditions: list[WorkloadCondition] = Field(default_factory=list)

    def condition(self, kind: str) -> WorkloadCondition | None:
        """The condition of that type, if it is set."""
        return next((c for c in self.conditions if c.type == kind), None)


class Deployment(KResource[DeploymentSpec, DeploymentStatus]):
    """Replica sets that replace each other without interruption."""

    gvk: ClassVar = GroupVersionKind("apps", "v1", "Deployment")

    spec: DeploymentSpec = Field(default_factory=DeploymentSpec)
    status: DeploymentStatus = Field(default_factory=DeploymentStatus)
