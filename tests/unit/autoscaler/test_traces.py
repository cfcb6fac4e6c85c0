"""The reference table: hundreds of load traces, decided here a second time from the formulas alone.

:class:`Reference` shares no code with the autoscaler and has another shape: it keeps every raw
sample and every earlier wish, and computes each value from the whole past with plain loops, as
the published description of the Knative Pod Autoscaler reads. Both must agree at every tick.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from wakeful.apis.autoscaling import AutoscalerConfig, AutoscalingAnnotations
from wakeful.autoscaler import (
    Activity,
    LoadSample,
    RevisionMetrics,
    ScalerState,
    TargetState,
    bound_scale,
    decide,
    needs_gate,
    resolve_spec,
)

SECONDS = 300
BEGIN = 50_000


def steady(rng: random.Random) -> Iterator[float]:
    level = rng.choice([0.3, 1, 7, 50, 400])
    while True:
        yield level


def step(rng: random.Random) -> Iterator[float]:
    low, high, at = rng.uniform(0, 5), rng.uniform(20, 300), rng.randrange(20, 200)
    for second in range(SECONDS):
        yield low if second < at else high


def spike(rng: random.Random) -> Iterator[float]:
    level, height, at = rng.uniform(0, 10), rng.uniform(50, 1000), rng.randrange(10, 200)
    length = rng.randrange(1, 15)
    for second in range(SECONDS):
        yield height if at <= second < at + length else level


def saw(rng: random.Random) -> Iterator[float]:
    height, period = rng.uniform(10, 300), rng.randrange(10, 120)
    for second in range(SECONDS):
        yield height * (second % period) / period


def burst(rng: random.Random) -> Iterator[float]:
    for _ in range(SECONDS):
        yield rng.uniform(50, 500) if rng.random() < 0.1 else rng.uniform(0, 3)


def decay(rng: random.Random) -> Iterator[float]:
    level, keep = rng.uniform(50, 800), rng.uniform(0.9, 0.99)
    for _ in range(SECONDS):
        yield level
        level *= keep


def idle(rng: random.Random) -> Iterator[float]:
    """Some load, then none, with a stray request at times and seconds without any news."""
    until = rng.randrange(0, 60)
    for second in range(SECONDS):
        yield rng.uniform(0, 20) if second < until or rng.random() < 0.01 else 0.0


SHAPES: tuple[Callable[[random.Random], Iterator[float]], ...] = (
    steady,
    step,
    spike,
    saw,
    burst,
    decay,
    idle,
)


@dataclass
class Knobs:
    """What one trace is run with, in the words of the annotations."""

    metric: str
    limit: int
    target: float | None
    window: int
    burst_capacity: int
    panic_percentage: float
    threshold: float
    delay: int
    activation: int
    low: int
    high: int
    initial: int
    retention: int
    reachable: bool
    up_rate: float
    down_rate: float
    grace: int
    to_zero: bool

    @classmethod
    def draw(cls, rng: random.Random) -> Knobs:
        low, high = rng.choice([(0, 0), (0, 0), (0, 3), (1, 3), (2, 0), (0, 20)])
        return cls(
            metric=rng.choice(["concurrency", "concurrency", "rps"]),
            limit=rng.choice([0, 0, 1, 10]),
            target=rng.choice([None, 1.0, 10.0, 10.0, 0.5, 150.0]),
            window=rng.choice([0, 1, 6, 8, 20, 60, 60]),
            burst_capacity=rng.choice([-1, 0, 211, 50]),
            panic_percentage=rng.choice([10.0, 10.0, 25.0, 100.0]),
            threshold=rng.choice([200.0, 200.0, 110.0, 1000.0]),
            delay=rng.choice([0, 0, 0, 15, 60]),
            activation=rng.choice([0, 0, 2, 3]),
            low=low,
            high=high,
            initial=rng.choice([1, 1, 3]),
            retention=rng.choice([0, 0, 45]),
            reachable=rng.random() < 0.85,
            up_rate=rng.choice([1000.0, 1000.0, 2.0, 10.0]),
            down_rate=rng.choice([2.0, 2.0, 1.5, 1000.0]),
            grace=rng.choice([30, 6]),
            to_zero=rng.random() < 0.9,
        )


@dataclass
class Reference:
    """The formulas, over raw samples."""

    knobs: Knobs
    ready_at_start: int
    samples: dict[int, float] = field(default_factory=dict)
    wishes: list[tuple[int, int]] = field(default_factory=list)
    """Every wish before the delay, with its tick."""
    overs: list[int] = field(default_factory=list)
    """Seconds at which the panic threshold was exceeded; the start counts when in panic then."""
    peak: int = 0

    def __post_init__(self) -> None:
        if self.ready_at_start > 1:
            self.overs.append(BEGIN)
            self.peak = self.ready_at_start

    def total(self) -> float:
        knobs = self.knobs
        if knobs.metric == "rps":
            return knobs.target if knobs.target is not None else 200.0
        natural = float(knobs.limit) if knobs.limit else 100.0
        if knobs.target is None:
            return natural
        return min(knobs.target, knobs.limit) if knobs.limit else knobs.target

    def target(self) -> float:
        return max(0.01, self.total() * 0.7)

    def average(self, seconds: int, now: int) -> float | None:
        """The sum over the window by the seconds in it between the first and the last sample."""
        buckets = max(1, seconds)
        last = max(self.samples, default=None)
        if last is None or now - last >= buckets:
            return None
        # A life begins with the first sample after a whole window without any.
        first = last
        for second in sorted(self.samples, reverse=True):
            if first - second >= buckets:
                break
            first = second
        total, count = 0.0, 0
        for second in range(now - buckets + 1, last + 1):
            if second >= first:
                total += self.samples.get(second, 0.0)
                count += 1
        return math.floor(total / count * 1e6 + 0.5) / 1e6

    def tick(self, now: int, pods: int) -> tuple[int, int] | None:
        """Wanted instances and excess burst capacity; None without data."""
        knobs = self.knobs
        panic_window = max(1, math.floor(knobs.window * knobs.panic_percentage / 100 + 0.5))
        stable = self.average(knobs.window, now)
        if stable is None:
            if knobs.burst_capacity != -1:
                return None
            stable = 0.0
        panic = self.average(panic_window, now) or 0.0

        ready = max(1, pods)
        up = math.ceil(knobs.up_rate * ready)
        down = math.floor(ready / knobs.down_rate) if knobs.reachable else 0
        answers = []
        for value in (stable, panic):
            raw = math.ceil(value / self.target())
            scale = raw
            if scale < down:
                scale = down
            if scale > up:
                scale = up
            if knobs.activation > 1 and raw > 0 and scale < knobs.activation:
                scale = knobs.activation
            answers.append(scale)
        if math.ceil(panic / self.target()) / ready >= knobs.threshold / 100:
            self.overs.append(now)
        in_panic = bool(self.overs) and self.overs[-1] + knobs.window >= now
        want = answers[0]
        if in_panic:
            self.peak = want = max(answers[0], answers[1], self.peak)
        else:
            self.peak = 0
            self.overs.clear()

        if knobs.reachable and knobs.delay:
            self.wishes.append((now // 2, want))
            ticks = math.ceil(knobs.delay / 2)
            want = max(wish for tick, wish in self.wishes if now // 2 - tick < ticks)

        if knobs.burst_capacity in (0, -1):
            excess = knobs.burst_capacity
        else:
            excess = math.floor(pods * self.total() - knobs.burst_capacity - panic)
        return want, excess

    def bounded(self, wish: int, state: TargetState, now: int) -> tuple[int, bool]:
        """The scale and whether to write it, from the table of states."""
        knobs = self.knobs
        low = knobs.low if knobs.reachable else 0
        if knobs.initial > 1 and not state.initialized and knobs.reachable:
            low = max(low, knobs.initial)
        if wish < 0 and state.activity is not Activity.ACTIVATING:
            return -1, False
        if wish < low:
            wish = low
        elif knobs.high and wish > knobs.high:
            wish = knobs.high
        if wish > 0:
            return wish, True
        if not knobs.to_zero:
            return 1, True
        since = now - state.activity_since
        if state.activity is Activity.ACTIVATING:
            return (0, True) if since > 630 else (-1, False)
        if state.activity is Activity.ACTIVE:
            return (1, True) if since < knobs.window else (0, False)
        retention = knobs.retention if knobs.reachable else 0
        if since >= max(knobs.grace, retention):
            return 0, True
        if since < retention:
            return 0, False
        proxied = state.proxy_since is not None and now - state.proxy_since >= knobs.grace
        return 0, proxied


@dataclass
class World:
    """Instances that come a second after they were asked for, and the condition that follows."""

    knobs: Knobs
    pods: int
    asked: int
    activity: Activity
    activity_since: float = BEGIN
    initialized: bool = False
    proxy_since: float | None = None
    coming: list[tuple[int, int]] = field(default_factory=list)

    def state(self) -> TargetState:
        return TargetState(
            self.activity,
            self.activity_since,
            self.initialized,
            self.proxy_since is not None,
            self.proxy_since,
            gate_programmed=True,
            progress_deadline_seconds=600,
        )

    def pass_second(self, now: int) -> None:
        for at, pods in self.coming:
            if at <= now:
                self.pods = min(pods, self.asked)
        self.coming = [(at, pods) for at, pods in self.coming if at > now]
        if self.pods >= max(1, self.knobs.initial):
            self.initialized = True

    def follow(self, now: int, want: int, apply: bool, excess: int) -> None:
        if apply and want != self.asked:
            self.asked = want
            self.pods = min(self.pods, want)
            self.coming.append((now + 1, want))
        activity = self.activity
        if want == 0:
            activity = Activity.INACTIVE
        elif want > 0:
            activity = Activity.ACTIVE if self.pods else Activity.ACTIVATING
        if activity is not self.activity:
            self.activity, self.activity_since = activity, now
        if not needs_gate(want=want, excess_burst_capacity=excess):
            self.proxy_since = None
        elif self.proxy_since is None:
            self.proxy_since = now


TRACES = [(shape, seed) for shape in SHAPES for seed in range(36)]


@pytest.mark.parametrize(
    ("shape", "seed"), TRACES, ids=[f"{shape.__name__}-{seed}" for shape, seed in TRACES]
)
def test_every_decision_is_the_formulas(
    shape: Callable[[random.Random], Iterator[float]], seed: int
) -> None:
    rng = random.Random(f"{shape.__name__} {seed}")
    knobs = Knobs.draw(rng)
    start = rng.choice([0, 1, 1, 5])
    config = AutoscalerConfig(
        max_scale_up_rate=knobs.up_rate,
        max_scale_down_rate=knobs.down_rate,
        scale_to_zero_grace_seconds=float(knobs.grace),
        enable_scale_to_zero=knobs.to_zero,
    )
    spec = resolve_spec(
        config,
        AutoscalingAnnotations(
            metric=knobs.metric,
            target=knobs.target,
            window_seconds=float(knobs.window),
            target_burst_capacity=float(knobs.burst_capacity),
            panic_window_percentage=knobs.panic_percentage,
            panic_threshold_percentage=knobs.threshold,
            scale_down_delay_seconds=float(knobs.delay),
            activation_scale=knobs.activation or None,
            min_scale=knobs.low,
            max_scale=knobs.high,
            initial_scale=knobs.initial,
            pod_retention_seconds=float(knobs.retention),
        ),
        container_concurrency=knobs.limit,
        reachable=knobs.reachable,
    )
    metrics = RevisionMetrics.for_spec(spec)
    scaler = ScalerState.initial(spec, start, float(BEGIN))
    reference = Reference(knobs, start)
    world = World(knobs, start, start, Activity.ACTIVE if start else Activity.INACTIVE)
    blind = rng.randrange(SECONDS)
    load = shape(rng)
    wish, excess = -1, -1

    for now in range(BEGIN, BEGIN + SECONDS):
        world.pass_second(now)
        value = next(load, 0.0)
        if not blind <= now - BEGIN < blind + 5 and (world.pods or value):
            metrics.record(float(now), LoadSample(value, value))
            reference.samples[now] = value
        if now % 2:
            continue
        seen = metrics.load(spec.metric, float(now), absence_is_zero=knobs.burst_capacity == -1)
        expected = reference.tick(now, world.pods)
        assert (seen is None) == (expected is None), now - BEGIN
        if seen is not None and expected is not None:
            scaler, decision = decide(scaler, spec, seen, world.pods, float(now))
            got = (decision.desired, decision.excess_burst_capacity)
            assert got == expected, (now - BEGIN, decision)
            wish, excess = got
        state = world.state()
        outcome = bound_scale(wish, spec, config, state, float(now))
        assert (outcome.want, outcome.apply) == reference.bounded(wish, state, now), now - BEGIN
        world.follow(now, outcome.want, outcome.apply, excess)


def test_the_table_is_large_enough() -> None:
    assert len(TRACES) >= 200
