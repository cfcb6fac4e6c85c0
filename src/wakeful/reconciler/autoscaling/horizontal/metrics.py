"""From the metrics of a spec to targets, and from answers to the metrics of a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.hpa.hpa_types import (
    MetricSpec,
    MetricStatus,
    MetricTarget,
    MetricValueStatus,
    ResourceMetricStatus,
)
from wakeful.autoscaler.horizontal import (
    MetricsUnavailableError,
    Proposal,
    ResourceTarget,
    TargetKind,
)
from wakeful.autoscaler.horizontal_explain import format_amount

RESOURCE, CONTAINER_RESOURCE = "Resource", "ContainerResource"
_FOREIGN = {
    "Pods": "FailedGetPodsMetric",
    "Object": "FailedGetObjectMetric",
    "External": "FailedGetExternalMetric",
}


def parse_target(spec: MetricSpec) -> ResourceTarget:
    """What a metric of a spec aims for.

    Raises:
        MetricsUnavailableError: It is of a type that needs somebody else's figures, or of none.
    """
    if spec.type == RESOURCE and spec.resource is not None:
        return _target(spec.resource.name, "", spec.resource.target)
    if spec.type == CONTAINER_RESOURCE and spec.container_resource is not None:
        source = spec.container_resource
        target = MetricTarget.from_wire(source.get("target") or {})
        return _target(source.get("name", ""), source.get("container", ""), target)
    reason = _FOREIGN.get(spec.type)
    if reason is None:
        raise MetricsUnavailableError(
            f'unknown metric source type "{spec.type}"', reason="InvalidMetricSourceType"
        )
    raise MetricsUnavailableError(
        f"unable to get metric {_name(spec)}: nobody here serves metrics of type {spec.type};"
        " cpu and memory are measured",
        reason=reason,
    )


def make_status(spec: MetricSpec, proposal: Proposal | None) -> MetricStatus:
    """What was seen of a metric; empty, but in its place, when nothing was."""
    if proposal is None:
        return MetricStatus()
    current = MetricValueStatus(
        average_utilization=proposal.utilization,
        average_value=format_amount(proposal.target.resource, proposal.average),
    )
    if spec.type == RESOURCE:
        seen = ResourceMetricStatus(name=proposal.target.resource, current=current)
        return MetricStatus(type=RESOURCE, resource=seen)
    source: dict[str, Any] = {
        "name": proposal.target.resource,
        "container": proposal.target.container,
        "current": current.to_wire(),
    }
    return MetricStatus(type=CONTAINER_RESOURCE, container_resource=source)


def _target(resource: str, container: str, target: MetricTarget) -> ResourceTarget:
    if target.average_value is not None:
        value, kind = float(parse_quantity(target.average_value)), TargetKind.AVERAGE_VALUE
    else:
        value, kind = float(target.average_utilization or 0), TargetKind.UTILIZATION
    if value <= 0:
        raise MetricsUnavailableError(
            "invalid resource metric source: neither an average utilization target nor an average"
            " value (usage) target was set"
        )
    return ResourceTarget(resource, kind, value, container)


def _name(spec: MetricSpec) -> str:
    source: Mapping[str, Any] = spec.pods or spec.object or spec.external or {}
    return str((source.get("metric") or {}).get("name", "?"))
