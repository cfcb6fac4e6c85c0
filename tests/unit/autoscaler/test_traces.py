"""Decisions against the reference table: 240 recorded loads, each tick of each.

The table was computed from the formulas by :mod:`scaling_reference`, which shares no code with the
autoscaler. When it was recorded, Knative's own autoscaler was given the same loads: of 23,100 ticks
it decided 16 differently, all of them in the one second in which a window has been silent for
exactly its length. Knative takes that for a load of zero; here there is nothing to decide from.
"""

from __future__ import annotations

import pytest
from scaling_traces import TICK_SECONDS, Row, Trace, World, load_traces, make_table, seconds_of

from wakeful.apis.autoscaling import AutoscalingAnnotations, parse_config
from wakeful.autoscaler import (
    Activity,
    Decision,
    LoadSample,
    RevisionMetrics,
    ScalerState,
    TargetState,
    bound_scale,
    decide,
    resolve_spec,
)

TRACES = load_traces()


def decisions(trace: Trace) -> list[tuple[Row, Decision | None]]:
    """What the autoscaler decides, in a world that goes as the table says."""
    config = parse_config(trace.config)
    spec = resolve_spec(
        config,
        AutoscalingAnnotations.parse(trace.annotations),
        container_concurrency=trace.limit,
        reachable=trace.reachable,
    )
    metrics, world = RevisionMetrics.for_spec(spec), World.of(trace)
    scaler: ScalerState | None = None
    made: list[tuple[Row, Decision | None]] = []
    wish = -1
    rows = iter(trace.table)
    for now, carried, asked in seconds_of(trace):
        if scaler is None:
            scaler = ScalerState.initial(spec, trace.pods, float(now))
        world.pass_second(now)
        if carried is not None and asked is not None and world.feels(carried):
            metrics.record(float(now), LoadSample(carried, asked))
        if now % TICK_SECONDS:
            continue
        decision: Decision | None = None
        seen = metrics.load(
            spec.metric, float(now), absence_is_zero=spec.target_burst_capacity == -1
        )
        if seen is not None:
            scaler, decision = decide(scaler, spec, seen, world.pods, float(now))
            wish = decision.desired
        state = TargetState(
            Activity(world.activity),
            world.since,
            world.initialized,
            world.proxied_since is not None,
            world.proxied_since,
            gate_programmed=True,
            progress_deadline_seconds=600,
        )
        outcome = bound_scale(wish, spec, config, state, float(now))
        ends = (outcome.want, outcome.apply)
        if decision is None:
            made.append(((None, None, *ends), None))
        else:
            made.append(((decision.desired, decision.excess_burst_capacity, *ends), decision))
        world.follow(now, next(rows))
    return made


@pytest.mark.parametrize("trace", TRACES, ids=[trace.name for trace in TRACES])
def test_every_decision_is_as_in_the_table(trace: Trace) -> None:
    for tick, (row, (got, decision)) in enumerate(zip(trace.table, decisions(trace), strict=True)):
        assert got == row, (tick * TICK_SECONDS, decision)


def test_the_table_is_what_the_formulas_say() -> None:
    """Nobody has edited it."""
    for trace in TRACES[::8]:
        assert make_table(trace) == trace.table, trace.name


def test_the_traces_tell_something() -> None:
    """Of all that can happen, everything happens in some."""
    rows = [(trace, row) for trace in TRACES for row in trace.table]
    assert len(TRACES) >= 200
    assert len({trace.name for trace in TRACES}) == len(TRACES)
    assert sum(len(set(trace.table)) > 3 for trace in TRACES) > 100
    assert any(row[0] is None for _, row in rows), "no data"
    assert any(row[2:] == (0, True) for _, row in rows), "to zero"
    assert any(row[2:] == (0, False) for _, row in rows), "waiting for the grace period"
    assert any(row[0] == 0 and row[2] == 1 for _, row in rows), "held at one"
    assert any((row[1] or 0) > 0 for _, row in rows), "room to spare"
    assert any(row[0] is not None and row[2] < row[0] for _, row in rows), "at the upper limit"
