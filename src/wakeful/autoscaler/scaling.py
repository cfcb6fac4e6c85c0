"""How many instances a revision needs: one pure decision per tick.

:func:`decide` takes the state the last decision left behind and returns the next one; a
:class:`Decision` keeps every input and every value in between, so that it can be explained long
after the windows have moved on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wakeful.apimachinery.goscalars import in_int32
from wakeful.autoscaler.metrics import WindowLoad
from wakeful.autoscaler.spec import ScalingSpec

TICK_SECONDS = 2.0
SCALE_UNKNOWN = -1
"""Nothing has been decided yet."""


@dataclass(frozen=True, slots=True)
class DelayWindow:
    """The largest scale wanted within the scale-down delay.

    Its length is settled when the scaler is made; a later change of the delay does not touch it.
    ``peaks`` are (tick, scale) pairs, ascending in time and descending in scale.
    """

    length: int
    peaks: tuple[tuple[int, int], ...] = ()

    @classmethod
    def lasting(cls, seconds: float) -> DelayWindow:
        """A window of that many seconds; one of 0 delays nothing."""
        return cls(math.ceil(seconds / TICK_SECONDS) if seconds > 0 else 0)

    def record(self, now: float, scale: int) -> DelayWindow:
        """The window with one more wish; several within one tick count as their largest."""
        tick = math.floor(now / TICK_SECONDS)
        kept = tuple(
            (at, peak) for at, peak in self.peaks if peak > scale and tick - at < self.length
        )
        if kept and kept[-1][0] == tick:
            return DelayWindow(self.length, kept)
        return DelayWindow(self.length, (*kept, (tick, scale)))

    @property
    def current(self) -> int:
        """The largest scale wanted lately."""
        return self.peaks[0][1]


@dataclass(frozen=True, slots=True)
class ScalerState:
    """What a scaler remembers between ticks."""

    panic_since: float | None
    """When the panic threshold was last exceeded; None outside of panic."""
    panic_floor: int
    """The most instances wanted since the panic began; never undercut while it lasts."""
    delay: DelayWindow

    @classmethod
    def initial(cls, spec: ScalingSpec, ready: int, now: float) -> ScalerState:
        """Begin in panic at the present scale when more than one instance is ready.

        A scaler starts without history, after a restart of the control plane for example; until
        it has seen a window's worth it must not shrink what runs.
        """
        delay = DelayWindow.lasting(spec.scale_down_delay_seconds)
        return cls(now if ready > 1 else None, max(ready, 0), delay)


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer to "how many?", with all that led to it."""

    at: float
    spec: ScalingSpec
    load: WindowLoad
    ready: int
    """Instances ready when the decision was made."""

    max_up: int
    """No more than this at once: ready x max-scale-up-rate."""
    max_down: int
    """No fewer than this at once: ready / max-scale-down-rate."""
    stable_raw: int
    """Stable average / target, rounded up."""
    panic_raw: int
    """Panic average / target, rounded up."""
    stable_scale: int
    """``stable_raw`` within the rates and the activation scale."""
    panic_scale: int
    """``panic_raw`` within the rates and the activation scale."""
    over_threshold: bool
    panicking: bool
    panic_entered: bool
    panic_left: bool
    before_delay: int
    """Wanted before the scale-down delay had its say."""
    desired: int
    excess_burst_capacity: int
    """Room left after the present load and the burst to be ready for; the gate stays in the path
    while it is negative."""


def decide(
    state: ScalerState, spec: ScalingSpec, load: WindowLoad, ready: int, now: float
) -> tuple[ScalerState, Decision]:
    """Answer "how many?" and return what to remember until the next time."""
    at_least_one = max(1, ready)
    max_up = math.ceil(in_int32(spec.max_scale_up_rate * at_least_one))
    max_down = math.floor(at_least_one / spec.max_scale_down_rate) if spec.reachable else 0
    stable_raw = math.ceil(in_int32(load.stable / spec.target_value))
    panic_raw = math.ceil(in_int32(load.panic / spec.target_value))
    stable_scale = _activated(spec, stable_raw, min(max(stable_raw, max_down), max_up))
    panic_scale = _activated(spec, panic_raw, min(max(panic_raw, max_down), max_up))

    over = panic_raw / at_least_one >= spec.panic_threshold
    panic_since, panic_floor = state.panic_since, state.panic_floor
    entered = over and panic_since is None
    left = False
    if over:
        panic_since = now
    elif panic_since is not None and panic_since + spec.stable_window_seconds < now:
        panic_since, panic_floor, left = None, 0, True

    desired = stable_scale
    if panic_since is not None:
        panic_floor = desired = max(stable_scale, panic_scale, panic_floor)

    before_delay, delay = desired, state.delay
    if spec.reachable and delay.length:
        delay = delay.record(now, desired)
        desired = delay.current

    decision = Decision(
        at=now,
        spec=spec,
        load=load,
        ready=ready,
        max_up=max_up,
        max_down=max_down,
        stable_raw=stable_raw,
        panic_raw=panic_raw,
        stable_scale=stable_scale,
        panic_scale=panic_scale,
        over_threshold=over,
        panicking=panic_since is not None,
        panic_entered=entered,
        panic_left=left,
        before_delay=before_delay,
        desired=desired,
        excess_burst_capacity=excess_burst_capacity(spec, ready, load.panic),
    )
    return ScalerState(panic_since, panic_floor, delay), decision


def excess_burst_capacity(spec: ScalingSpec, ready: int, panic_value: float) -> int:
    """What the ready instances could take beyond the present load and the burst to expect."""
    if spec.target_burst_capacity == 0:
        return 0
    if spec.target_burst_capacity < 0:
        return -1
    room = ready * spec.total_value - spec.target_burst_capacity - panic_value
    return math.floor(in_int32(room))


def initial_excess_burst_capacity(spec: ScalingSpec) -> int:
    """The same before the first decision: what the initial scale will be able to take."""
    if spec.target_burst_capacity in (0, -1):
        return int(spec.target_burst_capacity)
    return math.trunc(in_int32(spec.initial_scale * spec.total_value - spec.target_burst_capacity))


def _activated(spec: ScalingSpec, raw: int, scale: int) -> int:
    if spec.activation_scale > 1 and raw > 0:
        return max(scale, spec.activation_scale)
    return scale
