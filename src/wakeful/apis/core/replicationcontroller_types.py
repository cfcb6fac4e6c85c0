"""ReplicationController: the ancestor of ReplicaSet; stored and listed, nothing acts on it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.pod_types import PodTemplateSpec


class ReplicationControllerSpec(APIModel):
    """How many pods of which template."""

    replicas: int | None = None
    min_ready_seconds: int = 0
    selector: dict[str, str] = Field(default_factory=dict)
    template: PodTemplateSpec | None = None


class ReplicationControllerStatus(APIModel):
    """How many there are."""

    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    observed_generation: int | None = None
    conditions: list[dict[str, Any]] = Field(default_factory=list)


class ReplicationController(KResource[ReplicationControllerSpec, ReplicationControllerStatus]):
    """A number of like pods."""

    gvk: ClassVar = GroupVersionKind("", "v1", "ReplicationController")

    spec: ReplicationControllerSpec = Field(default_factory=ReplicationControllerSpec)
    status: ReplicationControllerStatus = Field(default_factory=ReplicationControllerStatus)
