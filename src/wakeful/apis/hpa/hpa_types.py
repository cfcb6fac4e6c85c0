"""HorizontalPodAutoscaler (``v2``), and Scale."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apis.core.scalars import Quantity

GROUP = "autoscaling"


class CrossVersionObjectReference(APIModel):
    """What is scaled."""

    kind: str = ""
    name: str = ""
    api_version: str = ""


class MetricTarget(APIModel):
    """The value to hold."""

    type: str = ""
    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: int | None = None


class MetricValueStatus(APIModel):
    """The value seen."""

    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: int | None = None


class ResourceMetricSource(APIModel):
    """Use of a resource: cpu or memory."""

    name: str = ""
    target: MetricTarget = Field(default_factory=MetricTarget)


class ResourceMetricStatus(APIModel):
    """Use of a resource, as seen."""

    name: str = ""
    current: MetricValueStatus = Field(default_factory=MetricValueStatus)


class MetricSpec(APIModel):
    """One metric; the member named by ``type`` is set."""

    type: str = ""
    resource: ResourceMetricSource | None = None
    container_resource: dict[str, Any] | None = None
    pods: dict[str, Any] | None = None
    object: dict[str, Any] | None = None
    external: dict[str, Any] | None = None


class MetricStatus(APIModel):
    """One metric, as seen."""

    type: str = ""
    resource: ResourceMetricStatus | None = None
    container_resource: dict[str, Any] | None = None
    pods: dict[str, Any] | None = None
    object: dict[str, Any] | None = None
    external: dict[str, Any] | None = None


class AutoscalerSpec(APIModel):
    """What to scale, within which bounds, by which metrics."""

    scale_target_ref: CrossVersionObjectReference = Field(
        default_factory=CrossVersionObjectReference
    )
    min_replicas: int | None = None
    max_replicas: int = 0
    metrics: list[MetricSpec] = Field(default_factory=list)
    behavior: dict[str, Any] | None = None


class HorizontalPodAutoscalerCondition(APIModel):
    """One observation about an autoscaler."""

    type: str = ""
    status: str = ""
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class AutoscalerStatus(APIModel):
    """How many there are and should be. ``desiredReplicas`` is always sent."""

    observed_generation: int | None = None
    last_scale_time: Time | None = None
    current_replicas: int | None = None
    desired_replicas: int | None = None
    current_metrics: list[MetricStatus] = Field(default_factory=list)
    conditions: list[HorizontalPodAutoscalerCondition] = Field(default_factory=list)


class HorizontalPodAutoscaler(KResource[AutoscalerSpec, AutoscalerStatus]):
    """Scales a workload by metrics."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v2", "HorizontalPodAutoscaler")

    spec: AutoscalerSpec = Field(default_factory=AutoscalerSpec)
    status: AutoscalerStatus = Field(default_factory=AutoscalerStatus)


class ScaleSpec(APIModel):
    """The number wanted."""

    replicas: int = 0


class ScaleStatus(APIModel):
    """The number there is. ``replicas`` is always sent."""

    replicas: int | None = None
    selector: str = ""


class Scale(KResource[ScaleSpec, ScaleStatus]):
    """The body of ``/scale``."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "Scale")

    spec: ScaleSpec = Field(default_factory=ScaleSpec)
    status: ScaleStatus = Field(default_factory=ScaleStatus)
