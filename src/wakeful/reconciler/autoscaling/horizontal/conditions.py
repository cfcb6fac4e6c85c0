"""The three conditions of a HorizontalPodAutoscaler."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.hpa.hpa_types import AutoscalerStatus, HorizontalPodAutoscalerCondition
from wakeful.autoscaler.behavior import Limit, Stabilized

ABLE_TO_SCALE, SCALING_ACTIVE, SCALING_LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"

STABILIZED = {
    Stabilized.NO: "recommended size matches current size",
    Stabilized.UP: (
        "recent recommendations were lower than current one, applying the lowest recent"
        " recommendation"
    ),
    Stabilized.DOWN: (
        "recent recommendations were higher than current one, applying the highest recent"
        " recommendation"
    ),
}
LIMITED = {
    Limit.NONE: "the desired count is within the acceptable range",
    Limit.UP: "the desired replica count is increasing faster than the maximum scale rate",
    Limit.DOWN: "the desired replica count is decreasing faster than the maximum scale rate",
    Limit.MOST: "the desired replica count is more than the maximum replica count",
    Limit.LEAST: "the desired replica count is less than the minimum replica count",
}


def mark(
    status: AutoscalerStatus, kind: str, *, true: bool, reason: str, message: str, now: datetime
) -> None:
    """Set a condition; its time changes with its status only."""
    value = "True" if true else "False"
    fresh = HorizontalPodAutoscalerCondition(
        type=kind, status=value, reason=reason, message=message, last_transition_time=now
    )
    status.conditions = set_status_condition(status.conditions, fresh)
