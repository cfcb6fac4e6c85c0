"""``autoscaling/v1`` and ``v2``: the old form knows one metric, cpu utilization."""

from __future__ import annotations

from typing import Any

AnyDict = dict[str, Any]
_PERCENT = "targetCPUUtilizationPercentage"
_CURRENT = "currentCPUUtilizationPercentage"


def _is_cpu(metric: Any) -> bool:
    return (
        isinstance(metric, dict)
        and metric.get("type") == "Resource"
        and isinstance(metric.get("resource"), dict)
        and metric["resource"].get("name") == "cpu"
    )


def to_v2(old: AnyDict) -> AnyDict:
    """Turn the one percentage into a metric."""
    new = dict(old)
    spec = old.get("spec")
    if isinstance(spec, dict) and _PERCENT in spec:
        spec = dict(spec)
        percent = spec.pop(_PERCENT)
        if percent is not None:
            target = {"type": "Utilization", "averageUtilization": percent}
            cpu = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
            spec["metrics"] = [cpu]
        new["spec"] = spec
    status = old.get("status")
    if isinstance(status, dict) and _CURRENT in status:
        status = dict(status)
        percent = status.pop(_CURRENT)
        if percent is not None:
            seen = {"name": "cpu", "current": {"averageUtilization": percent}}
            status["currentMetrics"] = [{"type": "Resource", "resource": seen}]
        new["status"] = status
    return new


def from_v2(new: AnyDict) -> AnyDict:
    """Show the cpu metric as a percentage; other metrics do not exist in the old form."""
    old = dict(new)
    spec = new.get("spec")
    if isinstance(spec, dict):
        spec = dict(spec)
        spec.pop("behavior", None)
        for metric in spec.pop("metrics", None) or ():
            percent = _cpu_member(metric, "target")
            if percent is not None:
                spec[_PERCENT] = percent
        old["spec"] = spec
    status = new.get("status")
    if isinstance(status, dict):
        status = dict(status)
        status.pop("conditions", None)
        for metric in status.pop("currentMetrics", None) or ():
            percent = _cpu_member(metric, "current")
            if percent is not None:
                status[_CURRENT] = percent
        old["status"] = status
    return old


def _cpu_member(metric: Any, member: str) -> Any:
    if not _is_cpu(metric):
        return None
    value = metric["resource"].get(member)
    return value.get("averageUtilization") if isinstance(value, dict) else None
