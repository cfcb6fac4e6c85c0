from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wakeful.apis.autoscaling import AutoscalingAnnotations
from wakeful.autoscaler import (
    Activity,
    AutoscalerConfig,
    Decision,
    DecisionHistory,
    Record,
    ScalerState,
    ScalingSpec,
    Step,
    TargetState,
    WindowLoad,
    bound_scale,
    decide,
    explain_decision,
    explain_outcome,
    make_report,
    resolve_spec,
)

CONFIG = AutoscalerConfig()
SPEC = resolve_spec(CONFIG, AutoscalingAnnotations(target=10.0))
ACTIVE = TargetState(Activity.ACTIVE, 0, True, False, None, True, 600)
NOW = 1_000.0


def decision(
    stable: float, panic: float, ready: int, spec: ScalingSpec = SPEC, *, at: float = NOW
) -> Decision:
    state = ScalerState.initial(spec, min(ready, 1), at)
    return decide(state, spec, WindowLoad(stable, panic), ready, at)[1]


def record(made: Decision, at: float = NOW) -> Record:
    return Record(at, made, poked=False)


def test_the_books_load_is_explained_with_its_numbers() -> None:
    assert explain_decision(decision(50, 0, 8)) == [
        "50 concurrent on average over 60 s ÷ (10 × 70 %) = 7.14 → 8",
        "8 ready × 10 - 211 for a burst - 0 in use = -131 spare: mode Proxy; "
        "requests go straight to ready instances",
    ]


@pytest.mark.parametrize(
    ("load", "shown"), [(0.105, "0.1 "), (0.35, "0.35 "), (1e-6, "<0.0001 "), (0, "0 ")]
)
def test_a_little_load_is_not_shown_as_none(load: float, shown: str) -> None:
    """Else the line would read 0 → 1."""
    line = explain_decision(decision(load, 0, 1))[0]

    assert line.startswith(shown)
    assert ("= 0 →" in line) == (load == 0)


def test_a_panic_says_what_it_compared() -> None:
    words = explain_decision(decision(10, 50, 2))

    assert "50 concurrent on average over 6 s ÷ (10 × 70 %) = 7.14 → 8" in words
    assert "panic begins: 8 for 2 ready = 400 %, the threshold is 200 %" in words


@pytest.mark.parametrize(
    ("spec", "load", "ready", "text"),
    [
        (
            SPEC,
            (0, 0),
            10,
            "max-scale-down-rate 2 lets 10 ready shrink to 5 at once, 0 would do",
        ),
        (
            replace(SPEC, max_scale_up_rate=2),
            (70, 0),
            2,
            "max-scale-up-rate 2 lets 2 ready grow to 4 at once, 10 would be needed",
        ),
        (
            replace(SPEC, activation_scale=3),
            (1, 1),
            2,
            "activation-scale makes it at least 3 once above zero",
        ),
        (
            replace(SPEC, target_burst_capacity=0),
            (1, 1),
            1,
            "target-burst-capacity 0: mode Serve as soon as an instance is ready; "
            "requests go straight to ready instances",
        ),
        (
            replace(SPEC, target_burst_capacity=-1),
            (1, 1),
            1,
            "target-burst-capacity -1: always mode Proxy; requests go straight to ready instances",
        ),
        (
            resolve_spec(CONFIG, AutoscalingAnnotations(metric="rps", target=50.0)),
            (70, 70),
            2,
            "70 requests/s on average over 60 s ÷ (50 × 70 %) = 2 → 2",
        ),
    ],
)
def test_each_rule_that_mattered_is_named(
    spec: ScalingSpec, load: tuple[float, float], ready: int, text: str
) -> None:
    assert text in explain_decision(decision(*load, ready, spec))


def test_a_delayed_shrink_says_what_would_do() -> None:
    spec = replace(SPEC, scale_down_delay_seconds=60, panic_threshold=9)
    state = ScalerState.initial(spec, 1, NOW)
    state, _ = decide(state, spec, WindowLoad(28, 28), 4, NOW)
    _, later = decide(state, spec, WindowLoad(14, 14), 4, NOW + 10)

    assert "scale-down-delay keeps 4 for 60 s; 2 would do" in explain_decision(later)


@pytest.mark.parametrize(
    ("desired", "spec", "state", "words"),
    [
        (8, replace(SPEC, max_scale=3), ACTIVE, ["max-scale cuts 8 to 3"]),
        (0, replace(SPEC, min_scale=1), ACTIVE, ["min-scale raises 0 to 1"]),
        (
            0,
            SPEC,
            replace(ACTIVE, activity_since=NOW - 45),
            ["active for less than 60 s: one instance stays for 15 s more"],
        ),
        (
            0,
            SPEC,
            replace(ACTIVE, activity=Activity.INACTIVE, activity_since=NOW - 10),
            ["inactive: the grace period ends in 20 s"],
        ),
        (-1, SPEC, ACTIVE, ["no load was reported yet: the scale is left alone"]),
    ],
)
def test_limits_and_the_way_to_zero_are_explained(
    desired: int, spec: ScalingSpec, state: TargetState, words: list[str]
) -> None:
    assert explain_outcome(bound_scale(desired, spec, CONFIG, state, NOW), spec) == words


def test_every_step_has_words() -> None:
    outcome = bound_scale(0, SPEC, CONFIG, ACTIVE, NOW)
    for step in Step:
        words = explain_outcome(replace(outcome, step=step), SPEC)
        assert bool(words) is (step is not Step.SERVE)


def test_a_report_is_json_and_tells_the_limits_too() -> None:
    history = DecisionHistory()
    history.add(record(decision(50, 50, 1)))
    spec = replace(SPEC, max_scale=3)
    history.outcome = bound_scale(8, spec, CONFIG, ACTIVE, NOW)

    report = make_report("default", "hello-00001", history, ready=3)

    wire = json.loads(json.dumps(report.to_wire()))
    assert wire["summary"] == "hello-00001: wants 3, 3 ready, panic mode"
    assert wire["reasons"][-1] == "max-scale cuts 8 to 3"
    assert wire["history"][0]["desired"] == 8
    assert wire["history"][0]["time"] == "1970-01-01T00:16:40.000+00:00"


def test_a_revision_nothing_is_known_about_says_so() -> None:
    report = make_report("default", "hello-00001", DecisionHistory(), ready=0)
    assert (report.want, report.summary) == (None, "hello-00001: nothing decided yet, 0 ready")


def test_a_revision_that_is_activating_waits_for_its_first_instances() -> None:
    history = DecisionHistory()
    starting = replace(ACTIVE, activity=Activity.ACTIVATING, activity_since=NOW)
    history.outcome = bound_scale(-1, SPEC, CONFIG, starting, NOW)

    report = make_report("default", "hello-00001", history, ready=0)

    assert report.summary == "hello-00001: waits for its first instances, 0 ready"


def test_the_history_is_bounded_and_quiet_ticks_do_not_fill_it() -> None:
    history = DecisionHistory(length=3)
    for tick in range(10):
        history.add(record(decision(float(tick), 0, 1)))
    for tick in range(10):
        history.add(record(decision(0, 0, 1, at=NOW + tick), NOW + tick))

    assert [r.decision.load.stable for r in history.records] == [8, 9, 0]
    assert history.latest is not None
    assert history.latest.wall_time == NOW + 9


@pytest.mark.parametrize(
    ("burst", "limit", "ready", "words"),
    [
        (None, 0, 1, "mode Proxy; requests go straight to ready instances"),
        (7.0, 0, 0, "mode Proxy; the gate is in the path"),
        (7.0, 0, 3, "mode Serve; requests go straight to ready instances"),
        (-1.0, 0, 3, "always mode Proxy; the gate is in the path"),
        (0.0, 5, 3, "containerConcurrency has all requests queue at the gate, in either mode"),
        (7.0, 5, 3, "mode Serve; containerConcurrency has all requests queue at the gate"),
    ],
)
def test_it_says_where_the_gate_stands(
    burst: float | None, limit: int, ready: int, words: str
) -> None:
    annotations = AutoscalingAnnotations(target=10.0, target_burst_capacity=burst)
    spec = resolve_spec(CONFIG, annotations, container_concurrency=limit)

    assert words in explain_decision(decision(0, 0, ready, spec))[-1]
