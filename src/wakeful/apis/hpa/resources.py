"""How horizontal pod autoscalers are served."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource, ServedVersion
from wakeful.apis.core.cells import NONE, UNKNOWN, UNSET, Wire, dig, number
from wakeful.apis.hpa.hpa_conversion import from_v2, to_v2
from wakeful.apis.hpa.hpa_types import (
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from wakeful.apis.hpa.hpa_validation import validate_hpa


def set_hpa_defaults(
    new: HorizontalPodAutoscaler, old: Object | None, context: AdmissionContext
) -> None:
    """At least one replica, by 80 % of the cpu asked for."""
    if new.spec.min_replicas is None:
        new.spec.min_replicas = 1
    if not new.spec.metrics:
        target = MetricTarget(type="Utilization", average_utilization=80)
        source = ResourceMetricSource(name="cpu", target=target)
        new.spec.metrics = [MetricSpec(type="Resource", resource=source)]


def _reference(obj: Wire, now: datetime) -> str:
    ref = dig(obj, "spec", "scaleTargetRef", default={})
    return f"{ref.get('kind', '')}/{ref.get('name', '')}"


def _targets(obj: Wire, now: datetime) -> str:
    metrics = dig(obj, "spec", "metrics", default=[])
    current = dig(obj, "status", "currentMetrics", default=[])
    shown = []
    for index, metric in enumerate(metrics):
        if metric.get("type") != "Resource":
            shown.append(UNKNOWN)
            continue
        seen = dig(current[index], "resource", "current") if index < len(current) else None
        shown.append(_resource_target(metric.get("resource", {}), seen or {}))
    if len(shown) > 2:
        return f"{', '.join(shown[:2])} + {len(shown) - 2} more..."
    return ", ".join(shown) or NONE


def _resource_target(source: Wire, seen: Wire) -> str:
    name, target = source.get("name", ""), source.get("target", {})
    if target.get("averageValue") is not None:
        return f"{name}: {seen.get('averageValue', UNKNOWN)}/{target['averageValue']}"
    have, want = seen.get("averageUtilization"), target.get("averageUtilization")
    left = UNKNOWN if have is None else f"{have}%"
    return f"{name}: {left}/{'<auto>' if want is None else f'{want}%'}"


def _min_pods(obj: Wire, now: datetime) -> str:
    return str(dig(obj, "spec", "minReplicas", default=UNSET))


RESOURCES: tuple[Resource, ...] = (
    Resource(
        HorizontalPodAutoscaler,
        "horizontalpodautoscalers",
        short_names=("hpa",),
        categories=("all",),
        has_status=True,
        columns=(
            Column("Reference", _reference),
            Column("Targets", _targets),
            Column("MinPods", _min_pods),
            Column("MaxPods", number("spec", "maxReplicas"), type="integer"),
            Column("Replicas", number("status", "currentReplicas"), type="integer"),
            AGE,
        ),
        served_versions=(ServedVersion("v1", to_hub=to_v2, from_hub=from_v2),),
        set_defaults=set_hpa_defaults,
        validate=validate_hpa,
        custom=False,
    ),
)
