from __future__ import annotations

from dataclasses import replace

import pytest

from wakeful.apis.autoscaling import AutoscalingAnnotations
from wakeful.autoscaler import (
    Activity,
    AutoscalerConfig,
    active_threshold,
    next_activity,
    resolve_spec,
)

ACTIVE, ACTIVATING, INACTIVE = Activity.ACTIVE, Activity.ACTIVATING, Activity.INACTIVE


@pytest.mark.parametrize(
    ("want", "ready", "min_ready", "present", "after", "reason"),
    [
        (0, 3, 1, ACTIVE, INACTIVE, "NoTraffic"),
        (0, 0, 1, INACTIVE, INACTIVE, "NoTraffic"),
        (0, 0, 1, ACTIVATING, INACTIVE, "TimedOut"),
        (0, 0, 0, ACTIVATING, INACTIVE, "NoTraffic"),
        (-1, 0, 0, ACTIVATING, INACTIVE, "NoTraffic"),
        (1, 0, 1, INACTIVE, ACTIVATING, "Queued"),
        (2, 1, 2, ACTIVE, ACTIVATING, "Queued"),
        (1, 1, 1, ACTIVATING, ACTIVE, ""),
        (1, 1, 1, INACTIVE, ACTIVE, ""),
        (-1, 0, 1, INACTIVE, INACTIVE, "NoTraffic"),
        (-1, 0, 1, ACTIVATING, ACTIVATING, "Queued"),
        (-1, 0, 1, ACTIVE, ACTIVATING, "Queued"),
        (-1, 1, 1, ACTIVATING, ACTIVE, ""),
        (-1, 1, 1, ACTIVE, ACTIVE, ""),
    ],
)
def test_the_active_condition(
    want: int, ready: int, min_ready: int, present: Activity, after: Activity, reason: str
) -> None:
    change = next_activity(present, want=want, ready=ready, min_ready=min_ready)

    assert change is not None
    assert (change.activity, change.reason) == (after, reason)


def test_an_undecided_inactive_revision_stays_as_it_is() -> None:
    """After a restart, an instance that still runs does not make a sleeping revision active."""
    assert next_activity(INACTIVE, want=-1, ready=2, min_ready=1) is None


@pytest.mark.parametrize(
    ("low", "initial", "initialized", "threshold"),
    [(0, 1, False, 1), (0, 0, False, 0), (0, 0, True, 1), (3, 5, False, 5), (3, 5, True, 3)],
)
def test_the_initial_scale_counts_until_it_was_reached(
    low: int, initial: int, initialized: bool, threshold: int
) -> None:
    spec = resolve_spec(AutoscalerConfig(), AutoscalingAnnotations())
    spec = replace(spec, min_scale=low, initial_scale=initial)

    assert active_threshold(spec, initialized=initialized) == threshold
