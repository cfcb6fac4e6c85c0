"""Whether a revision counts as active, activating or inactive, and from which scale on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wakeful.autoscaler.spec import ScalingSpec


class Activity(StrEnum):
    """The ``Active`` condition of a PodAutoscaler, by its status."""

    ACTIVE = "True"
    ACTIVATING = "Unknown"
    INACTIVE = "False"


@dataclass(frozen=True, slots=True)
class ActivityChange:
    """What the condition becomes, with the words that go with it."""

    activity: Activity
    reason: str = ""
    message: str = ""


ACTIVE = ActivityChange(Activity.ACTIVE)
QUEUED = ActivityChange(
    Activity.ACTIVATING,
    "Queued",
    "Requests to the target are being buffered as resources are provisioned.",
)
NO_TRAFFIC = ActivityChange(Activity.INACTIVE, "NoTraffic", "The target is not receiving traffic.")
TIMED_OUT = ActivityChange(Activity.INACTIVE, "TimedOut", "The target could not be activated.")


def active_threshold(spec: ScalingSpec, *, initialized: bool) -> int:
    """Ready instances it takes to be active: the initial scale at first, later at least one."""
    return max(spec.min_scale, 1 if initialized else spec.initial_scale)


def next_activity(
    present: Activity, *, want: int, ready: int, min_ready: int
) -> ActivityChange | None:
    """The condition after a reconcile that wants ``want`` instances; None leaves it alone.

    ``want`` is -1 while nothing has been decided: an inactive revision then stays so, for a
    control plane that has just started must not wake what slept.
    """
    if want == 0 or min_ready == 0:
        if present is Activity.ACTIVATING and min_ready > 0:
            return TIMED_OUT
        return NO_TRAFFIC
    wanted = want > 0 or present is not Activity.INACTIVE
    if ready < min_ready:
        return QUEUED if wanted else NO_TRAFFIC
    return ACTIVE if wanted else None
