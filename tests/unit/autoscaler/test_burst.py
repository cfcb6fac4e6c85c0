"""From a burst capacity and the load to the mode of the network, and to where the gate is."""

from __future__ import annotations

import pytest

from wakeful.apis.autoscaling import AutoscalingAnnotations
from wakeful.autoscaler import (
    AutoscalerConfig,
    ScalerState,
    WindowLoad,
    decide,
    gate_moves,
    needs_gate,
    resolve_spec,
)

PROXY, SERVE = True, False


@pytest.mark.parametrize(
    ("burst", "target", "steps"),
    [
        # Ready instances, load, and whether the gate is asked for, one after the other.
        (7.0, 10.0, [(1, 2, SERVE), (1, 7, PROXY), (2, 12, SERVE), (2, 14, PROXY), (3, 14, SERVE)]),
        (-1.0, 10.0, [(1, 0.1, PROXY), (10, 1, PROXY), (1, 50, PROXY)]),
        (0.0, 10.0, [(1, 0.1, SERVE), (1, 10, SERVE), (1, 50, SERVE)]),
        (None, None, [(1, 1, PROXY), (2, 1, PROXY), (3, 1, SERVE), (3, 89, SERVE), (3, 90, PROXY)]),
    ],
    ids=["n", "always", "never", "default"],
)
def test_mode_follows_the_room_that_is_left(
    burst: float | None, target: float | None, steps: list[tuple[int, float, bool]]
) -> None:
    annotations = AutoscalingAnnotations(target=target, target_burst_capacity=burst)
    spec = resolve_spec(AutoscalerConfig(), annotations)
    state, modes = ScalerState.initial(spec, 1, 0.0), []
    for now, (ready, load, _) in enumerate(steps):
        state, decision = decide(state, spec, WindowLoad(load, load), ready, float(now))
        spare = decision.excess_burst_capacity
        modes.append(needs_gate(want=decision.desired, excess_burst_capacity=spare))

    assert modes == [mode for _, _, mode in steps]


@pytest.mark.parametrize("burst", [-1.0, 0.0, 7.0])
def test_without_instances_the_gate_is_asked_for_whatever_the_capacity(burst: float) -> None:
    spec = resolve_spec(AutoscalerConfig(), AutoscalingAnnotations(target_burst_capacity=burst))
    state = ScalerState.initial(spec, 1, 0.0)

    _, decision = decide(state, spec, WindowLoad(0.0, 0.0), 0, 100.0)

    assert decision.desired == 0
    assert needs_gate(want=0, excess_burst_capacity=decision.excess_burst_capacity)


@pytest.mark.parametrize(
    ("asked", "default", "moves"),
    [
        (None, 211, False),
        (None, 0, False),
        (None, -1, True),
        (-1, 211, True),
        (7, 211, True),
        (211, 211, True),
        (0, 211, False),
        (0, -1, False),
    ],
)
def test_gate_moves_for_those_who_ask_only(
    asked: float | None, default: float, moves: bool
) -> None:
    assert gate_moves(asked, default) is moves
