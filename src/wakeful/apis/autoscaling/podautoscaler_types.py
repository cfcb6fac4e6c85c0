"""PodAutoscaler: which workload to scale, by which class of autoscaler."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.autoscaling.annotations import CLASS, INTERNAL_GROUP, KPA, AutoscalingAnnotations
from wakeful.apis.autoscaling.podautoscaler_lifecycle import PodAutoscalerStatus
from wakeful.apis.core.reference_types import ObjectReference


class Reachability(StrEnum):
    """Whether a route leads to what is scaled."""

    UNKNOWN = ""
    """Not settled yet; treated as reachable."""
    REACHABLE = "Reachable"
    UNREACHABLE = "Unreachable"


class ProtocolType(StrEnum):
    """What the instances speak."""

    HTTP1 = "http1"
    H2C = "h2c"


class PodAutoscalerSpec(APIModel):
    """What is scaled; how is said by annotations."""

    container_concurrency: int = 0
    """Requests in flight per instance; 0 is no limit."""
    scale_target_ref: ObjectReference = Field(default_factory=ObjectReference)
    """Something of the same namespace with a scale."""
    reachability: str = ""
    protocol_type: str = ""


class PodAutoscaler(KResource[PodAutoscalerSpec, PodAutoscalerStatus]):
    """Asks an autoscaler of the named class to size one workload."""

    gvk: ClassVar = GroupVersionKind(INTERNAL_GROUP, "v1alpha1", "PodAutoscaler")

    spec: PodAutoscalerSpec = Field(default_factory=PodAutoscalerSpec)
    status: PodAutoscalerStatus = Field(default_factory=PodAutoscalerStatus)

    @property
    def autoscaling(self) -> AutoscalingAnnotations:
        """The annotations, read."""
        return AutoscalingAnnotations.parse(self.metadata.annotations)

    @property
    def class_name(self) -> str:
        """The class that is to act on it."""
        found = CLASS.get(self.metadata.annotations)
        return KPA if found is None else found

    @property
    def is_reachable(self) -> bool:
        """Nothing says that no route leads here."""
        return self.spec.reachability != Reachability.UNREACHABLE

    @property
    def is_ready(self) -> bool:
        """Ready, judged on the newest generation."""
        ready = self.status.condition(READY)
        observed = self.status.observed_generation == self.metadata.generation
        return observed and ready is not None and ready.is_true
