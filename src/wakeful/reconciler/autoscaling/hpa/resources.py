"""What the HorizontalPodAutoscaler of a PodAutoscaler should be."""

from __future__ import annotations

import math

from wakeful.apimachinery.goscalars import INT32_MAX
from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apis.autoscaling import AutoscalerConfig, PodAutoscaler
from wakeful.apis.autoscaling.annotations import CPU, MEMORY
from wakeful.apis.hpa import (
    AutoscalerSpec,
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricTarget,
)
from wakeful.apis.hpa.hpa_types import CrossVersionObjectReference, ResourceMetricSource


def scale_bounds(autoscaler: PodAutoscaler, config: AutoscalerConfig) -> tuple[int, int]:
    """Least and most instances; the most is 0 for no limit."""
    annotations = autoscaler.autoscaling
    low = config.min_scale if annotations.min_scale is None else annotations.min_scale
    high = config.max_scale if annotations.max_scale is None else annotations.max_scale
    return (low if autoscaler.is_reachable else 0), high


def make_hpa(autoscaler: PodAutoscaler, config: AutoscalerConfig) -> HorizontalPodAutoscaler:
    """The autoscaler that Kubernetes knows, with the bounds and the target of the annotations."""
    meta, reference = autoscaler.metadata, autoscaler.spec.scale_target_ref
    low, high = scale_bounds(autoscaler, config)
    window = autoscaler.autoscaling.window_seconds
    rules = {"stabilizationWindowSeconds": int(window)} if window is not None else None
    return HorizontalPodAutoscaler(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=dict(meta.labels),
            annotations=dict(meta.annotations),
            owner_references=[owner_reference(autoscaler)],
        ),
        spec=AutoscalerSpec(
            scale_target_ref=CrossVersionObjectReference(
                api_version=reference.api_version, kind=reference.kind, name=reference.name
            ),
            min_replicas=low if low > 0 else None,
            max_replicas=high or INT32_MAX,
            metrics=_make_metrics(autoscaler),
            behavior=None if rules is None else {"scaleUp": rules, "scaleDown": dict(rules)},
        ),
    )


def _make_metrics(autoscaler: PodAutoscaler) -> list[MetricSpec]:
    annotations = autoscaler.autoscaling
    if annotations.target is None:
        return []
    if annotations.metric == CPU:
        target = MetricTarget(type="Utilization", average_utilization=math.ceil(annotations.target))
        return [_resource(CPU, target)]
    if annotations.metric == MEMORY:
        target = MetricTarget(type="AverageValue", average_value=f"{int(annotations.target)}Mi")
        return [_resource(MEMORY, target)]
    pods = {
        "metric": {"name": annotations.metric},
        "target": {"type": "AverageValue", "averageValue": str(int(annotations.target))},
    }
    return [MetricSpec(type="Pods", pods=pods)]


def _resource(name: str, target: MetricTarget) -> MetricSpec:
    return MetricSpec(type="Resource", resource=ResourceMetricSource(name=name, target=target))
