"""The deciders: one per revision that scales by requests, and the one task that runs them all.

Load is taken in once a second and a decision is made every other second, for the revisions that
are awake. A revision without instances, load or data is *dormant*: it stays in the set, costs
nothing, and is roused by a held request, by a sample, or by an instance that appears.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.autoscaler import (
    IDLE,
    SCALE_UNKNOWN,
    TICK_SECONDS,
    DecisionHistory,
    ExplainReport,
    LoadSample,
    LoadSource,
    Outcome,
    Record,
    RevisionMetrics,
    ScalerState,
    ScalingMetric,
    ScalingSpec,
    WindowLoad,
    decide,
    initial_excess_burst_capacity,
    make_report,
)
from wakeful.autoscaler.coldstart import ColdStarts, server_timing
from wakeful.autoscaler.rest import RestPlan

log = structlog.get_logger("wakeful.autoscaler")

COLLECT_SECONDS = 1.0
_COLLECTS_PER_TICK = round(TICK_SECONDS / COLLECT_SECONDS)
_FIRST_LOOK_SECONDS = 0.3
"""How old a load that wakes a revision is when it is first looked at, as far as the second allows:
old enough to tell many clients from one, and soon enough for them."""
_EARLIEST, _MIDDLE, _LATEST = 0.05, 0.5, 0.8
"""Parts of a second of the clock. Each second is looked at once, and has a bucket of its own."""
_LEAST_LIFE_SECONDS = 0.1
"""A life shorter than this is not averaged over: a request more or less would decide too much."""

ReadyCounter = Callable[[NamespacedName], int]
"""How many instances of a revision are ready now."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a decider says at present."""

    desired: int
    """-1 before the first decision."""
    excess_burst_capacity: int


@dataclass(slots=True)
class _Decider:
    spec: ScalingSpec
    metrics: RevisionMetrics
    state: ScalerState
    recommendation: Recommendation
    history: DecisionHistory = field(default_factory=DecisionHistory)
    woken_at: float | None = None
    """When the first held request came, until the source has reported it."""
    intensity: float = 0.0
    """What was carried in the last second, for as long of it as there was anything to carry."""


class Deciders:
    """Every decider, by the namespace and name of its revision.

    ``hurry`` is called when a request is held and its instance is yet to be started.
    """

    name = "autoscaler"

    def __init__(
        self,
        source: LoadSource,
        ready: ReadyCounter,
        *,
        clock: Clock | None = None,
        hurry: Callable[[], None] = lambda: None,
        starts: ColdStarts | None = None,
    ) -> None:
        self._source, self._ready, self._hurry = source, ready, hurry
        self._clock = clock or SystemClock()
        self.starts = starts or ColdStarts(self._clock)
        """What waking requests wait for."""
        self._deciders: dict[NamespacedName, _Decider] = {}
        self._awake: set[NamespacedName] = set()
        self._early: set[NamespacedName] = set()
        """Revisions that requests were held for before anybody told of them."""
        self._listeners: list[Callable[[NamespacedName], None]] = []
        self._collects = 0
        self._looked_at = -1
        """The second of the clock that a sample was taken in last."""
        self._woken_at: float | None = None
        """When the first revision was woken since the last look."""
        self._collected_at = self._clock.monotonic()

    def on_change(self, listener: Callable[[NamespacedName], None]) -> None:
        """Call ``listener`` when a recommendation changes in a way that must be acted upon."""
        self._listeners.append(listener)

    def ensure(self, key: NamespacedName, spec: ScalingSpec) -> Recommendation:
        """Have a revision decided upon by ``spec`` from now on; return what is recommended."""
        now = self._clock.monotonic()
        decider = self._deciders.get(key)
        if decider is None:
            decider = self._deciders[key] = _Decider(
                spec=spec,
                metrics=RevisionMetrics.for_spec(spec),
                state=ScalerState.initial(spec, self._ready(key), now),
                recommendation=Recommendation(SCALE_UNKNOWN, initial_excess_burst_capacity(spec)),
            )
            self._awake.add(key)
            if key in self._early:
                self._early.discard(key)
                self.poke(key.namespace, key.name)
        elif decider.spec != spec:
            decider.metrics.resize(spec.stable_window_seconds, spec.panic_window_seconds, now)
            decider.spec = spec
            self._awake.add(key)
        return decider.recommendation

    def remove(self, key: NamespacedName) -> None:
        """Forget a revision; unknown ones are forgotten already."""
        self._deciders.pop(key, None)
        self._awake.discard(key)
        self._early.discard(key)
        self.starts.forget(key)

    def rouse(self, key: NamespacedName) -> None:
        """Something about the revision's instances has changed; have a look at the next tick."""
        if key in self._deciders:
            self._awake.add(key)

    def note_outcome(self, key: NamespacedName, outcome: Outcome) -> None:
        """Remember what the limits made of the recommendation, to be explained."""
        decider = self._deciders.get(key)
        if decider is not None:
            decider.history.outcome = outcome

    def note_rest(self, key: NamespacedName, rest: RestPlan | None) -> None:
        """Remember how the revision rests, to be explained; None when it does not, or is gone."""
        decider = self._deciders.get(key)
        if decider is not None:
            decider.history.rest = rest

    def poke(self, namespace: str, revision: str) -> None:
        """A request is held and nobody can take it: decide now if the answer so far was "none".

        After a start there may be no decider yet: listeners are told, so that it comes at once.
        """
        key = NamespacedName(namespace, revision)
        decider = self._deciders.get(key)
        if decider is None:
            self._early.add(key)
            for listener in self._listeners:
                listener(key)
            return
        if decider.recommendation.desired > 0:
            return
        self._hurry()
        self.starts.held(key)
        now = self._clock.monotonic()
        if decider.woken_at is None:
            decider.woken_at = now
            self._woken_at = self._woken_at or now
        self._awake.add(key)
        self._decide(key, decider, now, poked=True)

    def explain(self, namespace: str, revision: str) -> ExplainReport | None:
        """Why a revision has the scale it has; None when it is not ours to scale."""
        key = NamespacedName(namespace, revision)
        decider = self._deciders.get(key)
        if decider is None:
            return None
        return make_report(
            namespace,
            revision,
            decider.history,
            ready=self._ready(key),
            cold_starts=self.starts.recent(key),
        )

    def timing(self, namespace: str, revision: str) -> str:
        """What a request that is let go now waited for, as ``Server-Timing`` says it.

        Empty when that was no cold start. May be asked from any thread.
        """
        start = self.starts.ready(NamespacedName(namespace, revision))
        return server_timing(start, self._clock.monotonic()) if start is not None else ""

    def history(self, key: NamespacedName) -> DecisionHistory | None:
        """What was decided about a revision; None when it is not ours to scale."""
        decider = self._deciders.get(key)
        return decider.history if decider is not None else None

    @property
    def awake(self) -> int:
        """How many revisions are being looked at."""
        return len(self._awake)

    def __len__(self) -> int:
        return len(self._deciders)

    async def run(self) -> None:
        """Collect and decide until cancelled.

        A sample is taken once in each second of the clock, in its middle: one that comes a little
        early or late still falls into its own bucket. For a load that has just woken a revision,
        one is taken earlier or later on purpose.
        """
        while True:
            while (left := self._due(now := self._clock.monotonic()) - now) > 0:
                await self._clock.sleep(left)
            self.step()

    def _due(self, now: float) -> float:
        """When to take the next sample, or to ask again."""
        second = max(self._looked_at + 1, math.floor(now))
        if self._woken_at is None:
            return second + (_EARLIEST if now < second + _EARLIEST else _MIDDLE)
        look = self._woken_at + _FIRST_LOOK_SECONDS
        return min(max(look, second + _EARLIEST), second + _LATEST)

    def step(self) -> None:
        """Take in one second of load; at every other step, decide.

        In between, whatever carried more than its instances are meant to is decided upon if that
        makes it grow: the tick would find the same a second later, with a second's more in the
        queue. Nothing else changes before the tick.
        """
        now = self._clock.monotonic()
        samples = self._source.collect()
        if samples is not None:
            self._awake.update(key for key in samples if key in self._deciders)
            for key in self._awake:
                self._record(key, samples.get(key), now)
        self._collected_at, self._woken_at = now, None
        self._looked_at = math.floor(now)
        self._collects += 1
        if self._collects % _COLLECTS_PER_TICK == 0:
            for key in tuple(self._awake):
                self._tick(key, now)
        elif samples:
            for key in samples:
                decider = self._deciders.get(key)
                if decider is not None and _is_short(decider):
                    self._decide(key, decider, now, only_upwards=True)

    def _record(self, key: NamespacedName, sample: LoadSample | None, now: float) -> None:
        decider = self._deciders[key]
        elapsed = max(now - self._collected_at, _LEAST_LIFE_SECONDS)
        lived = 1.0
        if decider.woken_at is not None:
            lived = min(1.0, max(now - decider.woken_at, _LEAST_LIFE_SECONDS) / elapsed)
            decider.woken_at = None
            sample = sample or LoadSample(lived, 1.0)  # it came, whoever has missed it
        elif sample is not None:
            sample = replace(sample, requests=sample.requests / elapsed)
        if sample is None:
            # Whatever is not listed carries nothing: while nobody is ready, every request is at
            # the gate, which knows them all. What is asleep needs no zeros to stay so.
            if decider.recommendation.desired <= 0 and not self._ready(key):
                return
            sample = IDLE
        elif sample.unseen_seconds:
            sample = _completed(sample, lived * elapsed)
        rps = decider.spec.metric is ScalingMetric.RPS
        decider.intensity = sample.requests if rps else sample.concurrency / lived
        decider.metrics.record(now, sample, lived=lived)

    def _tick(self, key: NamespacedName, now: float) -> None:
        decider = self._deciders.get(key)
        if decider is None:  # a listener removed it
            self._awake.discard(key)
            return
        self._decide(key, decider, now)
        unused = decider.recommendation.desired <= 0 and self._ready(key) == 0
        if unused and decider.metrics.load(decider.spec.metric, now) is None:
            self._awake.discard(key)

    def _decide(
        self,
        key: NamespacedName,
        decider: _Decider,
        now: float,
        *,
        poked: bool = False,
        only_upwards: bool = False,
    ) -> None:
        spec = decider.spec
        load = decider.metrics.load(
            spec.metric, now, absence_is_zero=spec.target_burst_capacity == -1
        )
        if poked and (load is None or not load.stable):
            load = WindowLoad(1.0, 1.0)  # one request, for as long as there is anything to average
        if load is None:
            return
        state, decision = decide(decider.state, spec, load, self._ready(key), now)
        before = decider.recommendation
        if only_upwards and decision.desired <= before.desired:
            return
        decider.state = state
        decider.recommendation = Recommendation(decision.desired, decision.excess_burst_capacity)
        decider.history.add(Record(self._clock.now().timestamp(), decision, poked))
        if decision.panic_entered or decision.panic_left:
            log.info(
                "panic begins" if decision.panic_entered else "panic ends",
                revision=str(key),
                ready=decision.ready,
                desired=decision.desired,
                load=load.panic,
            )
        gate_changed = (before.excess_burst_capacity < 0) != (decision.excess_burst_capacity < 0)
        if decision.desired != before.desired or gate_changed:
            log.debug("scale recommended", revision=str(key), desired=decision.desired, poked=poked)
            for listener in self._listeners:
                listener(key)


def _is_short(decider: _Decider) -> bool:
    """Whether the last second alone asked for more instances than are wanted."""
    wanted = max(1, decider.recommendation.desired)
    return decider.intensity / decider.spec.target_value > wanted


def _completed(sample: LoadSample, life_seconds: float) -> LoadSample:
    """The sample, with what is known of a life of that length taken for the whole of it."""
    known = max(life_seconds - sample.unseen_seconds, _LEAST_LIFE_SECONDS)
    return LoadSample(sample.concurrency * max(1.0, life_seconds / known), sample.requests)
