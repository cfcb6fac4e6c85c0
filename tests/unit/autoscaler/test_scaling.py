from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apis.autoscaling import AutoscalingAnnotations
from wakeful.autoscaler import (
    AutoscalerConfig,
    Decision,
    ScalerState,
    ScalingMetric,
    ScalingSpec,
    WindowLoad,
    decide,
    initial_excess_burst_capacity,
    number_of_activators,
    resolve_spec,
)

T0 = 1_000.0
CONFIG = AutoscalerConfig()
TARGET_10 = resolve_spec(CONFIG, AutoscalingAnnotations(target=10.0))
"""The book's ``autoscaling.knative.dev/target: "10"``: 7 per instance is aimed for."""


def once(
    stable: float,
    panic: float | None = None,
    *,
    ready: int = 1,
    spec: ScalingSpec = TARGET_10,
    state: ScalerState | None = None,
    now: float = T0,
) -> tuple[ScalerState, Decision]:
    state = state or ScalerState.initial(spec, min(ready, 1), now)
    load = WindowLoad(stable, stable if panic is None else panic)
    return decide(state, spec, load, ready, now)


@pytest.mark.parametrize(
    ("stable", "ready", "desired"),
    [
        (0, 1, 0),
        (0.01, 1, 1),
        (7, 1, 1),
        (7.01, 2, 2),
        (50, 8, 8),  # 50 / 7 = 7.14
        (50, 1, 8),
        (70, 10, 10),
        (0, 10, 5),  # no more than halved
    ],
)
def test_the_stable_average_over_the_target_decides(
    stable: float, ready: int, desired: int
) -> None:
    assert once(stable, 0, ready=ready)[1].desired == desired


def test_an_idle_revision_halves_tick_by_tick_to_zero() -> None:
    """max-scale-down-rate 2: 10, 5, 2, 1, 0."""
    ready, seen = 10, [10]
    state = ScalerState.initial(TARGET_10, 1, T0)
    for tick in range(4):
        state, decision = once(0, ready=ready, state=state, now=T0 + 2 * tick)
        ready = decision.desired
        seen.append(ready)

    assert seen == [10, 5, 2, 1, 0]


def test_an_unreachable_revision_goes_to_zero_at_once() -> None:
    spec = replace(TARGET_10, reachable=False)
    assert once(0, ready=10, spec=spec)[1].desired == 0


def test_growth_is_bounded_by_the_rate_but_is_at_least_one() -> None:
    """Rate 1.1 with two ready: ceil(2.2) = 3, or two would stay two for ever."""
    spec = replace(TARGET_10, max_scale_up_rate=1.1)

    assert once(70, 0, ready=2, spec=spec)[1].desired == 3
    assert once(700, 0, ready=0, spec=replace(spec, max_scale_up_rate=10))[1].desired == 10


@pytest.mark.parametrize(
    ("stable", "panic", "ready", "desired"),
    [(1, 1, 0, 3), (0, 1, 0, 3), (0, 0, 3, 1), (30, 30, 3, 5)],
)
def test_activation_scale_is_the_least_above_zero(
    stable: float, panic: float, ready: int, desired: int
) -> None:
    """It lifts what is wanted, but never turns nothing into something."""
    spec = replace(TARGET_10, activation_scale=3, panic_threshold=1)
    assert once(stable, panic, ready=ready, spec=spec)[1].desired == desired


class TestPanic:
    """Twice what the ready instances should carry, within the short window."""

    @pytest.mark.parametrize(
        ("panic", "ready", "panicking"),
        [(13, 1, True), (7.01, 1, True), (7, 1, False), (21, 2, False), (21.01, 2, True)],
    )
    def test_begins_at_the_threshold(self, panic: float, ready: int, panicking: bool) -> None:
        """The wanted count is rounded up before it is compared."""
        _, decision = once(1, panic, ready=ready)
        assert decision.panicking is panicking
        assert decision.panic_entered is panicking

    def test_uses_the_larger_of_both_windows(self) -> None:
        assert once(1, 50)[1].desired == 8
        assert once(140, 50)[1].desired == 20

    def test_never_shrinks_while_it_lasts(self) -> None:
        state, decision = once(10, 50)
        assert decision.desired == 8
        state, decision = once(10, 5, ready=8, state=state, now=T0 + 2)
        assert decision.panicking
        assert decision.desired == 8

    def test_ends_once_more_than_a_stable_window_has_passed_below(self) -> None:
        state, _ = once(10, 50)
        state, decision = once(1, 1, ready=8, state=state, now=T0 + 60)
        assert decision.panicking
        state, decision = once(1, 1, ready=8, state=state, now=T0 + 60.1)
        assert decision.panic_left
        assert decision.desired == 4  # the rate again

    def test_is_extended_by_every_moment_above(self) -> None:
        state, _ = once(10, 50)
        state, decision = once(10, 200, ready=8, state=state, now=T0 + 50)
        assert not decision.panic_entered
        state, decision = once(1, 1, ready=29, state=state, now=T0 + 100)
        assert decision.panicking
        assert decision.desired == 29
        state, decision = once(1, 1, ready=29, state=state, now=T0 + 110.1)
        assert not decision.panicking

    def test_a_scaler_that_finds_several_instances_begins_in_it(self) -> None:
        """After a restart nothing is known of the load; what runs is not taken away."""
        state = ScalerState.initial(TARGET_10, 6, T0)
        state, decision = once(0, 0, ready=6, state=state, now=T0 + 2)
        assert decision.desired == 6
        state, decision = once(0, 0, ready=6, state=state, now=T0 + 62)
        assert decision.desired == 3

    @pytest.mark.parametrize("ready", [0, 1])
    def test_a_scaler_that_finds_at_most_one_does_not(self, ready: int) -> None:
        assert ScalerState.initial(TARGET_10, ready, T0).panic_since is None


class TestScaleDownDelay:
    """The largest wish within the delay holds."""

    SPEC = replace(TARGET_10, scale_down_delay_seconds=10, panic_threshold=100)

    def run(self, *loads: float, spec: ScalingSpec | None = None) -> list[int]:
        spec = spec or self.SPEC
        state, seen = ScalerState.initial(spec, 1, T0), []
        for tick, load in enumerate(loads):
            state, decision = decide(state, spec, WindowLoad(load, load), 4, T0 + 2 * tick)
            seen.append(decision.desired)
        return seen

    def test_holds_a_peak_for_its_length(self) -> None:
        assert self.run(28, 14, 14, 14, 14, 14, 14) == [4, 4, 4, 4, 4, 2, 2]

    def test_falls_in_the_order_of_the_peaks(self) -> None:
        assert self.run(42, 28, 35, 14, 14, 14, 14, 14) == [6, 6, 6, 6, 6, 5, 5, 2]

    def test_does_not_delay_growth(self) -> None:
        assert self.run(7, 14, 28) == [2, 2, 4]

    def test_does_not_apply_to_the_unreachable(self) -> None:
        assert self.run(28, 0, spec=replace(self.SPEC, reachable=False)) == [4, 0]

    def test_several_wishes_in_one_tick_count_as_their_largest(self) -> None:
        state = ScalerState.initial(self.SPEC, 1, T0)
        state, _ = decide(state, self.SPEC, WindowLoad(28, 28), 4, T0)
        _, decision = decide(state, self.SPEC, WindowLoad(14, 14), 4, T0 + 1)
        assert decision.desired == 4

    def test_a_changed_delay_leaves_the_window_as_it_was_made(self) -> None:
        state = ScalerState.initial(self.SPEC, 1, T0)
        longer = replace(self.SPEC, scale_down_delay_seconds=600)
        state, _ = decide(state, longer, WindowLoad(28, 28), 4, T0)
        _, decision = decide(state, longer, WindowLoad(14, 14), 4, T0 + 10)
        assert decision.desired == 2


@pytest.mark.parametrize(
    ("burst", "ready", "panic", "spare"),
    [
        (0, 0, 50, 0),
        (-1, 50, 0, -1),
        (211, 1, 0, -111),
        (211, 2, 0, -11),
        (211, 3, 0, 89),  # the default: the gate leaves the path with the third instance
        (211, 3, 89.5, -1),
        (211, 0, 0, -211),
    ],
)
def test_spare_capacity_counts_the_ready_instances_and_the_panic_value(
    burst: float, ready: int, panic: float, spare: int
) -> None:
    spec = resolve_spec(CONFIG, AutoscalingAnnotations(target_burst_capacity=burst))
    assert once(0, panic, ready=ready, spec=spec)[1].excess_burst_capacity == spare


@pytest.mark.parametrize(
    ("burst", "initial", "spare"), [(0, 1, 0), (-1, 1, -1), (211, 1, -111), (211, 3, 89)]
)
def test_before_any_decision_the_initial_scale_stands_in(
    burst: float, initial: int, spare: int
) -> None:
    annotations = AutoscalingAnnotations(target_burst_capacity=burst, initial_scale=initial)
    assert initial_excess_burst_capacity(resolve_spec(CONFIG, annotations)) == spare


class TestSpec:
    """Annotations over the cluster's configuration."""

    @pytest.mark.parametrize(
        ("annotations", "concurrency", "total", "target"),
        [
            ({}, 0, 100, 70),
            ({}, 10, 10, 7),
            ({"target": 10.0}, 0, 10, 7),
            ({"target": 150.0}, 0, 150, 105),  # not capped by the default
            ({"target": 50.0}, 10, 10, 7),  # capped by what is let in
            ({"target": 5.0}, 10, 5, 3.5),
            ({"target": 10.0, "target_utilization": 1.0}, 0, 10, 10),
            ({"target": 0.01, "target_utilization": 0.01}, 0, 0.01, 0.01),
            ({"metric": "rps"}, 0, 200, 140),
            ({"metric": "rps", "target": 50.0}, 10, 50, 35),  # no cap: another unit
        ],
    )
    def test_target(
        self, annotations: dict[str, float], concurrency: int, total: float, target: float
    ) -> None:
        spec = resolve_spec(
            CONFIG,
            AutoscalingAnnotations(**annotations),
            container_concurrency=concurrency,
        )
        assert (spec.total_value, spec.target_value) == (total, pytest.approx(target))

    def test_the_metric_is_concurrency_unless_rps_is_named(self) -> None:
        assert TARGET_10.metric is ScalingMetric.CONCURRENCY
        rps = resolve_spec(CONFIG, AutoscalingAnnotations(metric="rps"))
        assert rps.metric is ScalingMetric.RPS

    def test_min_scale_and_retention_end_with_reachability(self) -> None:
        annotations = AutoscalingAnnotations(min_scale=3, max_scale=5, pod_retention_seconds=60)
        spec = resolve_spec(CONFIG, annotations, reachable=False)
        assert (spec.min_scale, spec.max_scale, spec.pod_retention_seconds) == (0, 5, 0)

    def test_an_initial_scale_of_zero_needs_permission(self) -> None:
        annotations = AutoscalingAnnotations(initial_scale=0)
        assert resolve_spec(CONFIG, annotations).initial_scale == 1
        allowed = replace(CONFIG, allow_zero_initial_scale=True)
        assert resolve_spec(allowed, annotations).initial_scale == 0


loads = st.floats(0, 1e6)


@given(loads, loads, st.integers(0, 1_000), st.booleans())
def test_a_decision_stays_within_the_rates(
    stable: float, panic: float, ready: int, reachable: bool
) -> None:
    spec = replace(TARGET_10, reachable=reachable)
    _, decision = decide(
        ScalerState.initial(spec, 0, T0), spec, WindowLoad(stable, panic), ready, T0
    )
    lower = max(1, ready) // 2 if reachable else 0
    assert lower <= decision.desired <= 1_000 * max(1, ready)


@given(loads, loads, st.floats(0, 1e6), st.integers(0, 100))
def test_more_load_never_wants_fewer(stable: float, panic: float, more: float, ready: int) -> None:
    state = ScalerState.initial(TARGET_10, 0, T0)
    _, less = decide(state, TARGET_10, WindowLoad(stable, panic), ready, T0)
    _, grown = decide(state, TARGET_10, WindowLoad(stable + more, panic + more), ready, T0)
    assert grown.desired >= less.desired
    assert grown.excess_burst_capacity <= less.excess_burst_capacity


@given(st.lists(st.tuples(loads, loads), min_size=1, max_size=40))
def test_in_panic_the_scale_never_falls(ticks: list[tuple[float, float]]) -> None:
    state, floor = ScalerState.initial(TARGET_10, 2, T0), 0
    for tick, (stable, panic) in enumerate(ticks):
        state, decision = decide(state, TARGET_10, WindowLoad(stable, panic), 1, T0 + 2 * tick)
        if decision.panicking:
            assert decision.desired >= floor
            floor = decision.desired
        else:
            floor = 0


@given(
    target=st.sampled_from([0.01, 100.0, 1e23, 1e308]),
    burst=st.sampled_from([-1.0, 0.0, 1e23, 1e308]),
    rate=st.sampled_from([1.0, 1e308]),
    load=st.floats(0, 1e308),
    ready=st.integers(0, 2**31 - 1),
)
def test_no_value_is_too_large_to_decide_and_to_store(
    target: float, burst: float, rate: float, load: float, ready: int
) -> None:
    """What annotations and ConfigMaps may say has no upper end."""
    annotations = AutoscalingAnnotations(target=target, target_burst_capacity=burst)
    spec = resolve_spec(AutoscalerConfig(max_scale_up_rate=rate), annotations)
    state = ScalerState.initial(spec, 1, T0)

    _, decision = decide(state, spec, WindowLoad(load, load), ready, T0)

    for number in (
        decision.desired,
        decision.excess_burst_capacity,
        initial_excess_burst_capacity(spec),
        number_of_activators(spec, ready),
    ):
        assert -(2**31) <= number < 2**31
