from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apis.autoscaling import AutoscalingAnnotations
from wakeful.autoscaler import (
    Activity,
    AutoscalerConfig,
    Clamp,
    Step,
    TargetState,
    bound_scale,
    needs_gate,
    number_of_activators,
    resolve_spec,
)

CONFIG = AutoscalerConfig()
SPEC = resolve_spec(CONFIG, AutoscalingAnnotations())
NOW = 10_000.0
ACTIVE = TargetState(
    activity=Activity.ACTIVE,
    activity_since=NOW - 100,
    initialized=True,
    proxy_mode=False,
    proxy_since=None,
    gate_programmed=True,
    progress_deadline_seconds=600,
)


def inactive_for(seconds: float, proxied: float | None = None) -> TargetState:
    return replace(
        ACTIVE,
        activity=Activity.INACTIVE,
        activity_since=NOW - seconds,
        proxy_mode=True,
        proxy_since=None if proxied is None else NOW - proxied,
    )


def activating_for(seconds: float) -> TargetState:
    return replace(ACTIVE, activity=Activity.ACTIVATING, activity_since=NOW - seconds)


class TestLimits:
    @pytest.mark.parametrize(
        ("desired", "low", "high", "want", "clamp"),
        [
            (5, 0, 0, 5, Clamp.NONE),
            (5, 8, 0, 8, Clamp.MIN_SCALE),
            (5, 0, 3, 3, Clamp.MAX_SCALE),
            (0, 1, 3, 1, Clamp.MIN_SCALE),
            (3, 3, 3, 3, Clamp.NONE),
        ],
    )
    def test_min_and_max(self, desired: int, low: int, high: int, want: int, clamp: Clamp) -> None:
        spec = replace(SPEC, min_scale=low, max_scale=high)
        outcome = bound_scale(desired, spec, CONFIG, ACTIVE, NOW)
        assert (outcome.want, outcome.clamp, outcome.apply) == (want, clamp, True)

    def test_the_initial_scale_is_a_minimum_until_it_was_reached(self) -> None:
        spec = replace(SPEC, initial_scale=4)
        fresh = replace(activating_for(1), initialized=False)
        outcome = bound_scale(1, spec, CONFIG, fresh, NOW)
        assert (outcome.want, outcome.clamp) == (4, Clamp.INITIAL_SCALE)
        assert bound_scale(1, spec, CONFIG, ACTIVE, NOW).want == 1

    def test_an_unreachable_revision_owes_no_initial_scale(self) -> None:
        spec = replace(SPEC, initial_scale=4, reachable=False)
        fresh = replace(ACTIVE, initialized=False)
        assert bound_scale(1, spec, CONFIG, fresh, NOW).want == 1


class TestNothingDecided:
    @pytest.mark.parametrize("state", [ACTIVE, inactive_for(999)])
    def test_changes_nothing(self, state: TargetState) -> None:
        """A control plane that has just started neither wakes nor stops anything."""
        outcome = bound_scale(-1, replace(SPEC, min_scale=2), CONFIG, state, NOW)
        assert (outcome.step, outcome.want, outcome.apply) == (Step.UNDECIDED, -1, False)

    def test_after_an_activation_that_failed_says_so(self) -> None:
        """There will be no load before something else is deployed."""
        state = replace(inactive_for(999), initialized=False)
        outcome = bound_scale(-1, SPEC, CONFIG, state, NOW)
        assert (outcome.step, outcome.want, outcome.apply) == (Step.GIVEN_UP, -1, False)

    def test_while_activating_waits_for_the_deadline(self) -> None:
        outcome = bound_scale(-1, SPEC, CONFIG, activating_for(10), NOW)
        assert (outcome.step, outcome.want, outcome.apply) == (Step.ACTIVATING, -1, False)
        assert outcome.wait_seconds == pytest.approx(621)

    def test_while_activating_lifts_to_the_minimum(self) -> None:
        outcome = bound_scale(-1, replace(SPEC, min_scale=2), CONFIG, activating_for(1), NOW)
        assert (outcome.want, outcome.apply) == (2, True)


class TestTheWayToZero:
    def test_is_barred_when_scale_to_zero_is_off(self) -> None:
        config = replace(CONFIG, enable_scale_to_zero=False)
        outcome = bound_scale(0, SPEC, config, inactive_for(9_999), NOW)
        assert (outcome.step, outcome.want, outcome.apply) == (Step.KEEP_ONE, 1, True)

    @pytest.mark.parametrize(
        ("seconds", "step"), [(630, Step.ACTIVATING), (631, Step.ACTIVATION_FAILED)]
    )
    def test_an_activation_fails_half_a_minute_past_its_deadline(
        self, seconds: float, step: Step
    ) -> None:
        outcome = bound_scale(0, SPEC, CONFIG, activating_for(seconds), NOW)
        assert outcome.step is step
        assert outcome.apply is (step is Step.ACTIVATION_FAILED)

    def test_one_instance_is_held_for_the_rest_of_the_stable_window(self) -> None:
        state = replace(ACTIVE, activity_since=NOW - 45)
        outcome = bound_scale(0, SPEC, CONFIG, state, NOW)
        assert (outcome.step, outcome.want, outcome.apply) == (Step.HOLD_ONE, 1, True)
        assert outcome.wait_seconds == 15

    def test_then_it_is_marked_inactive_and_keeps_its_instances(self) -> None:
        outcome = bound_scale(0, SPEC, CONFIG, ACTIVE, NOW)
        assert (outcome.step, outcome.want, outcome.apply) == (Step.DEACTIVATE, 0, False)

    @pytest.mark.parametrize(
        ("inactive", "proxied", "step", "wait"),
        [
            (0, None, Step.AWAIT_GRACE, 30),
            (10, 10, Step.AWAIT_GRACE, 20),
            (10, 25, Step.AWAIT_GRACE, 5),
            (2, 30, Step.SLEEP, None),  # the gate has been in the path for long enough
            (30, None, Step.SLEEP, None),
            (30, 1, Step.SLEEP, None),
        ],
    )
    def test_the_grace_period_runs_from_whichever_came_first(
        self, inactive: float, proxied: float | None, step: Step, wait: float | None
    ) -> None:
        outcome = bound_scale(0, SPEC, CONFIG, inactive_for(inactive, proxied), NOW)
        assert (outcome.step, outcome.want) == (step, 0)
        assert outcome.apply is (step is Step.SLEEP)
        assert outcome.wait_seconds == wait

    @pytest.mark.parametrize(
        ("inactive", "step"), [(45, Step.RETAIN), (89, Step.RETAIN), (90, Step.SLEEP)]
    )
    def test_retention_keeps_the_last_instance_whatever_the_gate(
        self, inactive: float, step: Step
    ) -> None:
        spec = replace(SPEC, pod_retention_seconds=90)
        outcome = bound_scale(0, spec, CONFIG, inactive_for(inactive, proxied=500), NOW)
        assert outcome.step is step

    def test_waits_for_a_gateway_that_does_not_know_the_revision(self) -> None:
        state = replace(inactive_for(500), gate_programmed=False)
        outcome = bound_scale(0, SPEC, CONFIG, state, NOW)
        assert (outcome.step, outcome.apply) == (Step.AWAIT_GATE, False)

    def test_a_clock_that_went_back_ends_nothing_early(self) -> None:
        state = inactive_for(-50, proxied=-50)
        assert bound_scale(0, SPEC, CONFIG, state, NOW).step is Step.AWAIT_GRACE


@pytest.mark.parametrize(
    ("want", "spare", "gate"),
    [(0, 5, True), (-1, 5, True), (1, -1, True), (1, 0, False), (3, 89, False)],
)
def test_the_gate_is_left_out_only_with_instances_and_room(
    want: int, spare: int, gate: bool
) -> None:
    assert needs_gate(want=want, excess_burst_capacity=spare) is gate


@pytest.mark.parametrize(
    ("burst", "ready", "number"), [(0, 90, 2), (211, 0, 3), (211, 10, 13), (-1, 1, 2), (-1, 7, 7)]
)
def test_activators_cover_instances_and_burst(burst: float, ready: int, number: int) -> None:
    spec = replace(SPEC, target_burst_capacity=burst)
    assert number_of_activators(spec, ready) == number


@given(
    st.integers(-1, 100),
    st.integers(0, 20),
    st.integers(0, 20),
    st.sampled_from(Activity),
    st.floats(0, 2_000),
    st.booleans(),
)
def test_what_is_written_is_always_within_the_limits(
    desired: int, low: int, extra: int, activity: Activity, since: float, zero: bool
) -> None:
    high = low + extra
    spec = replace(SPEC, min_scale=low, max_scale=high)
    state = replace(ACTIVE, activity=activity, activity_since=NOW - since)
    config = replace(CONFIG, enable_scale_to_zero=zero)

    outcome = bound_scale(desired, spec, config, state, NOW)

    if outcome.apply:
        assert low <= outcome.want
        assert high == 0 or outcome.want <= max(high, low)
    if not outcome.apply and outcome.step not in (Step.UNDECIDED, Step.GIVEN_UP):
        assert outcome.step is Step.DEACTIVATE or outcome.wait_seconds is not None
