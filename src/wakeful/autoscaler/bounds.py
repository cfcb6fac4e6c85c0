"""From the scale a decision wants to the scale that is written: limits, and the way to zero.

The last instance goes in steps. A revision that wants nothing is first marked inactive, once it
was active for a whole stable window; its instances stay. From then on it waits for the grace
period (or the retention period, when that is longer), and only then goes to zero. Traffic at any
time in between takes it back.

Upstream adds a step before the last one: it asks the activator over the network whether it already
stands in front of the revision, because the switch from instances to activator is programmed by
others, in their own time. Here the gate stands behind the instances at all times, as the second
priority of the same Envoy cluster: the moment the last instance leaves the cluster, requests are
held at the gate, with nothing left to program. What must be true is only that the cluster exists.
The caller says so with ``gate_programmed``; there is no probe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from wakeful.apimachinery.goscalars import in_int32
from wakeful.apis.autoscaling.config import AutoscalerConfig
from wakeful.autoscaler.activity import Activity
from wakeful.autoscaler.scaling import SCALE_UNKNOWN
from wakeful.autoscaler.spec import ScalingSpec

ACTIVATION_BUFFER_SECONDS = 30.0
"""Past the progress deadline, so that why an activation failed is reported before it is undone."""
MIN_ACTIVATORS = 2
_SETTLE_SECONDS = 3.0
_GATE_RETRY_SECONDS = 1.0


class Clamp(StrEnum):
    """Which limit changed the wanted scale."""

    NONE = ""
    MIN_SCALE = "min-scale"
    INITIAL_SCALE = "initial-scale"
    MAX_SCALE = "max-scale"


class Step(StrEnum):
    """Where on the way to zero a revision stands."""

    UNDECIDED = "Undecided"
    """Nothing is known yet; nothing is changed."""
    SERVE = "Serve"
    """More than zero is wanted: not on the way at all."""
    KEEP_ONE = "KeepOne"
    """Scale to zero is switched off."""
    ACTIVATING = "Activating"
    """Still coming up; zero has to wait until it serves or its deadline passes."""
    ACTIVATION_FAILED = "ActivationFailed"
    """It never came up in time."""
    GIVEN_UP = "GivenUp"
    """It never came up, and nothing asks for it since."""
    HOLD_ONE = "HoldOne"
    """Active for less than a stable window."""
    DEACTIVATE = "Deactivate"
    """Idle for long enough to be marked inactive."""
    AWAIT_GATE = "AwaitGate"
    """The gate does not know the revision yet."""
    RETAIN = "Retain"
    """The last instance is kept for the retention period."""
    AWAIT_GRACE = "AwaitGrace"
    """Inactive, but the grace period is not over."""
    SLEEP = "Sleep"
    """To zero, now."""


@dataclass(frozen=True, slots=True)
class TargetState:
    """What the objects say about a revision's present scale; times in seconds of the wall clock."""

    activity: Activity
    activity_since: float
    """When the Active condition last changed."""
    initialized: bool
    """The initial scale was reached once."""
    proxy_mode: bool
    """Requests are meant to pass the gate."""
    proxy_since: float | None
    """Since when the gate stands in the path; None when it does not."""
    gate_programmed: bool
    """Envoy knows the revision, and so the gate behind it."""
    progress_deadline_seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to do about a wanted scale."""

    desired: int
    """As decided."""
    low: int
    high: int
    """The limits that applied; ``high`` 0 is none."""
    clamp: Clamp
    step: Step
    want: int
    """What the revision should have, -1 when nothing can be said."""
    apply: bool
    """Write ``want`` as the target's scale; otherwise leave that alone."""
    wait_seconds: float | None
    """Look again after this long at the latest."""


def bound_scale(
    desired: int, spec: ScalingSpec, config: AutoscalerConfig, state: TargetState, now: float
) -> Outcome:
    """Put ``desired`` within the limits, and let zero happen only when it may."""
    low, high, clamp = spec.min_scale, spec.max_scale, Clamp.NONE
    if spec.initial_scale > 1 and not state.initialized and spec.reachable:
        low = max(low, spec.initial_scale)

    def outcome(
        step: Step, want: int, *, apply: bool, wait_seconds: float | None = None
    ) -> Outcome:
        return Outcome(desired, low, high, clamp, step, want, apply, wait_seconds)

    if desired < 0 and state.activity is not Activity.ACTIVATING:
        given_up = state.activity is Activity.INACTIVE and not state.initialized
        step = Step.GIVEN_UP if given_up else Step.UNDECIDED
        return outcome(step, SCALE_UNKNOWN, apply=False)
    want = desired
    if want < low:
        want = low
        clamp = Clamp.MIN_SCALE if low == spec.min_scale else Clamp.INITIAL_SCALE
    elif 0 < high < want:
        want, clamp = high, Clamp.MAX_SCALE
    if want > 0:
        return outcome(Step.SERVE, want, apply=True)
    clamp = Clamp.NONE
    want = 0
    if not config.enable_scale_to_zero:
        return outcome(Step.KEEP_ONE, 1, apply=True)

    elapsed = max(0.0, now - state.activity_since)
    if state.activity is Activity.ACTIVATING:
        timeout = state.progress_deadline_seconds + ACTIVATION_BUFFER_SECONDS
        if elapsed > timeout:
            return outcome(Step.ACTIVATION_FAILED, 0, apply=True)
        return outcome(
            Step.ACTIVATING, SCALE_UNKNOWN, apply=False, wait_seconds=timeout - elapsed + 1
        )
    if state.activity is Activity.ACTIVE:
        if elapsed >= spec.stable_window_seconds:
            settle = _SETTLE_SECONDS if state.proxy_mode else None
            return outcome(Step.DEACTIVATE, 0, apply=False, wait_seconds=settle)
        rest = spec.stable_window_seconds - elapsed
        return outcome(Step.HOLD_ONE, 1, apply=True, wait_seconds=rest)

    if not state.gate_programmed:
        return outcome(Step.AWAIT_GATE, 0, apply=False, wait_seconds=_GATE_RETRY_SECONDS)
    grace, retention = config.scale_to_zero_grace_seconds, spec.pod_retention_seconds
    if elapsed >= max(grace, retention):
        return outcome(Step.SLEEP, 0, apply=True)
    if elapsed < retention:
        return outcome(Step.RETAIN, 0, apply=False, wait_seconds=retention - elapsed)
    proxied = 0.0 if state.proxy_since is None else max(0.0, now - state.proxy_since)
    if proxied >= grace:
        return outcome(Step.SLEEP, 0, apply=True)
    return outcome(
        Step.AWAIT_GRACE, 0, apply=False, wait_seconds=min(grace - elapsed, grace - proxied)
    )


def needs_gate(*, want: int, excess_burst_capacity: int) -> bool:
    """Whether requests must pass the gate: no instance is wanted, or too little room is left."""
    return not (want > 0 and excess_burst_capacity >= 0)


def number_of_activators(spec: ScalingSpec, ready: int) -> int:
    """How many activators upstream would put in the path; kept for those who read the object."""
    if spec.target_burst_capacity == 0:
        return MIN_ACTIVATORS
    capacity = ready * spec.total_value + max(0.0, spec.target_burst_capacity)
    return max(MIN_ACTIVATORS, math.ceil(in_int32(capacity / spec.activator_capacity)))
