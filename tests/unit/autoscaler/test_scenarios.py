"""Whole lives of a revision: load in, instances out, second by second, without waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from wakeful.apis.autoscaling import AutoscalingAnnotations
from wakeful.autoscaler import (
    Activity,
    AutoscalerConfig,
    LoadSample,
    RevisionMetrics,
    ScalerState,
    TargetState,
    active_threshold,
    bound_scale,
    decide,
    next_activity,
    resolve_spec,
)

CONFIG = AutoscalerConfig()


@dataclass
class Simulation:
    """A revision whose instances are ready ``startup`` seconds after they are asked for."""

    annotations: AutoscalingAnnotations
    config: AutoscalerConfig = CONFIG
    startup: int = 1
    ready: int = 1
    activity: Activity = Activity.ACTIVE
    now: float = 100_000.0
    replicas: int = 1
    scales: list[int] = field(default_factory=list)
    """Replicas asked for, at each second."""

    def __post_init__(self) -> None:
        self.spec = resolve_spec(self.config, self.annotations)
        self.metrics = RevisionMetrics.for_spec(self.spec)
        self.state = ScalerState.initial(self.spec, self.ready, self.now)
        self.desired = -1
        self.activity_since = self.now
        self.starting: list[tuple[float, int]] = []

    def run(self, seconds: int, load: Callable[[int], float]) -> None:
        for second in range(seconds):
            self.now += 1
            self.starting = [(at, n) for at, n in self.starting if at > self.now or self.grow(n)]
            carried = load(second)
            if self.ready > 0 or carried > 0:
                self.metrics.record(self.now, LoadSample(carried, carried))
            if second % 2 == 0:
                self.tick()
            self.reconcile()
            self.scales.append(self.replicas)

    def grow(self, replicas: int) -> bool:
        self.ready = min(replicas, self.replicas)
        return False

    def tick(self) -> None:
        seen = self.metrics.load(self.spec.metric, self.now)
        if seen is not None:
            self.state, decision = decide(self.state, self.spec, seen, self.ready, self.now)
            self.desired = decision.desired

    def reconcile(self) -> None:
        target = TargetState(self.activity, self.activity_since, True, True, None, True, 600)
        outcome = bound_scale(self.desired, self.spec, self.config, target, self.now)
        if outcome.apply and outcome.want != self.replicas:
            if outcome.want > self.replicas:
                self.starting.append((self.now + self.startup, outcome.want))
            self.replicas = outcome.want
            self.ready = min(self.ready, outcome.want)
        change = next_activity(
            self.activity,
            want=outcome.want,
            ready=self.ready,
            min_ready=active_threshold(self.spec, initialized=True),
        )
        if change is not None and change.activity is not self.activity:
            self.activity, self.activity_since = change.activity, self.now


def steady(value: float) -> Callable[[int], float]:
    return lambda _: value


def test_fifty_concurrent_at_target_ten_settle_at_eight() -> None:
    """The book's first scenario; 50 / (10 x 0.7) = 7.14."""
    life = Simulation(AutoscalingAnnotations(target=10.0))

    life.run(30, steady(50))

    assert life.replicas == 8
    assert next(at for at, n in enumerate(life.scales, 1) if n >= 5) <= 3


def test_fifty_concurrent_within_one_and_three_stay_within() -> None:
    """The book's second scenario: three under load, one when nobody asks."""
    life = Simulation(AutoscalingAnnotations(target=10.0, min_scale=1, max_scale=3))

    life.run(30, steady(50))
    assert life.replicas == 3
    life.run(300, steady(0))
    assert life.replicas == 1
    assert set(life.scales) <= {1, 2, 3}


def test_an_idle_revision_sleeps_after_window_and_grace() -> None:
    """60 s of window until the average is zero, 30 s of grace: the book's 90 seconds."""
    life = Simulation(AutoscalingAnnotations())
    life.run(120, steady(0.5))
    assert life.replicas == 1

    life.run(180, steady(0))

    idle = life.scales[120:].index(0)
    assert 60 <= idle <= 90 + 4
    assert life.activity is Activity.INACTIVE


def test_traffic_in_the_grace_period_takes_the_revision_back() -> None:
    life = Simulation(AutoscalingAnnotations())
    life.run(120, steady(0.5))
    life.run(70, steady(0))
    assert life.activity is Activity.INACTIVE

    life.run(10, steady(0.5))

    assert life.activity is Activity.ACTIVE
    assert 0 not in life.scales


def test_a_sleeping_revision_wakes_and_sleeps_again() -> None:
    life = Simulation(AutoscalingAnnotations(), ready=0, replicas=0, activity=Activity.INACTIVE)
    life.run(60, steady(0))
    assert life.replicas == 0

    life.run(40, steady(3))
    assert life.replicas == 1
    assert life.activity is Activity.ACTIVE
    life.run(120, steady(0))
    assert life.replicas == 0


def test_a_burst_is_met_at_once_and_let_go_slowly() -> None:
    """Nothing shrinks for a stable window after the ready instances were last too few."""
    life = Simulation(AutoscalingAnnotations(target=10.0))
    life.run(120, steady(5))
    life.run(8, steady(200))
    peak = max(life.scales)

    assert peak >= 20
    life.run(50, steady(5))
    assert life.replicas == peak
    life.run(70, steady(5))
    assert life.replicas <= 2


lows, extras = st.integers(0, 3), st.integers(0, 5)
phases = st.lists(st.tuples(st.integers(1, 40), st.floats(0, 300)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(phases, lows, extras, st.integers(0, 5), st.sampled_from([6.0, 20.0, 60.0]))
def test_no_life_leaves_its_limits(
    loads: list[tuple[int, float]], low: int, extra: int, startup: int, window: float
) -> None:
    high = low + extra
    annotations = AutoscalingAnnotations(
        target=10.0, min_scale=low, max_scale=high, window_seconds=window
    )
    life = Simulation(annotations, startup=startup, replicas=max(1, low), ready=max(1, low))

    for seconds, value in loads:
        life.run(seconds, steady(value))

    assert all(low <= n and (high == 0 or n <= max(high, 1)) for n in life.scales)


@settings(max_examples=60, deadline=None)
@given(phases, st.integers(0, 5), st.sampled_from([6.0, 20.0, 60.0]), st.sampled_from([6, 30]))
def test_idle_always_ends_at_zero(
    loads: list[tuple[int, float]], startup: int, window: float, grace: int
) -> None:
    """Panic may hold the scale for one window, the average is zero after another; then grace."""
    config = replace(CONFIG, scale_to_zero_grace_seconds=float(grace))
    annotations = AutoscalingAnnotations(target=10.0, window_seconds=window)
    life = Simulation(annotations, config=config, startup=startup)
    for seconds, value in loads:
        life.run(seconds, steady(value))

    halvings = 2 * max(1, max(life.scales)).bit_length()
    life.run(int(2 * window) + grace + startup + halvings + 6, steady(0))

    assert life.replicas == 0
    assert life.activity is Activity.INACTIVE
