"""A decision in plain words: why this many instances, with the numbers it was made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from wakeful.autoscaler.bounds import Clamp, Outcome, Step
from wakeful.autoscaler.burst import NEVER
from wakeful.autoscaler.coldstart import ColdStart, explain_cold_starts
from wakeful.autoscaler.history import DecisionHistory, Record
from wakeful.autoscaler.rest import RestPlan
from wakeful.autoscaler.scaling import Decision
from wakeful.autoscaler.spec import ScalingMetric, ScalingSpec
from wakeful.autoscaler.zygote import WAY

EXPLAIN_PREFIX = "/wakeful/v1/explain"
"""Where the API server answers with reports."""


@dataclass(frozen=True, slots=True)
class ExplainReport:
    """Why a revision has the scale it has; every part turns into JSON as it is."""

    namespace: str
    revision: str
    want: int | None
    """What the revision should have; None while nothing was decided."""
    ready: int
    summary: str
    """One line."""
    reasons: tuple[str, ...]
    """How the number came about, step by step."""
    history: tuple[dict[str, Any], ...]
    """Earlier decisions, oldest first: time, desired, ready, stable, panic, mode, words."""
    cold_starts: tuple[dict[str, Any], ...] = ()
    """What the last requests at zero waited for, oldest first: time, milliseconds, phases."""

    def to_wire(self) -> dict[str, Any]:
        """The report as JSON-like data."""
        wire = asdict(self)
        wire["reasons"] = list(self.reasons)
        wire["history"] = list(self.history)
        wire["coldStarts"] = list(wire.pop("cold_starts"))
        return wire


def make_report(
    namespace: str,
    revision: str,
    history: DecisionHistory,
    *,
    ready: int,
    cold_starts: tuple[ColdStart, ...] = (),
) -> ExplainReport:
    """Everything there is to say about a revision."""
    latest = history.latest
    reasons = tuple(explain_decision(latest.decision)) if latest else ()
    if history.outcome is not None:
        reasons += tuple(explain_outcome(history.outcome, latest.decision.spec if latest else None))
    if history.rest is not None:
        reasons += tuple(explain_rest(history.rest))
    reasons += tuple(explain_cold_starts(cold_starts))
    want = _wanted(history)
    return ExplainReport(
        namespace=namespace,
        revision=revision,
        want=want,
        ready=ready,
        summary=_summary(revision, want, ready, latest, history.outcome),
        reasons=reasons,
        history=tuple(_row(record) for record in history.records),
        cold_starts=tuple(start.to_wire() for start in cold_starts),
    )


def explain_decision(decision: Decision) -> list[str]:
    """Sentences for the way from averages to a wanted number."""
    spec, load = decision.spec, decision.load
    words = [
        _division(load.stable, spec, spec.stable_window_seconds, decision.stable_raw),
    ]
    if decision.panicking:
        words.append(_division(load.panic, spec, spec.panic_window_seconds, decision.panic_raw))
        words.append(_panic(decision))
    elif decision.panic_left:
        words.append(
            f"panic is over: below the threshold for {_seconds(spec.stable_window_seconds)}"
        )
    words += _rates(decision)
    if spec.activation_scale > 1 and spec.activation_scale in (
        decision.stable_scale,
        decision.panic_scale,
    ):
        words.append(f"activation-scale makes it at least {spec.activation_scale} once above zero")
    wanted = max(decision.stable_scale, decision.panic_scale if decision.panicking else 0)
    if decision.panicking and decision.before_delay > wanted:
        words.append(
            f"the panic's largest wish so far was {decision.before_delay}; in panic nothing shrinks"
        )
    if decision.desired > decision.before_delay:
        words.append(
            f"scale-down-delay keeps {decision.desired} for"
            f" {_seconds(spec.scale_down_delay_seconds)}; {decision.before_delay} would do"
        )
    words.append(_burst(decision))
    return words


def _division(value: float, spec: ScalingSpec, window_seconds: float, raw: int) -> str:
    unit = "requests/s" if spec.metric is ScalingMetric.RPS else "concurrent"
    exact = value / spec.target_value
    return (
        f"{_number(value)} {unit} on average over {_seconds(window_seconds)}"
        f" ÷ ({_number(spec.total_value)} × {_number(spec.utilization * 100)} %)"
        f" = {_number(exact)} → {raw}"
    )


def _panic(decision: Decision) -> str:
    threshold = _number(decision.spec.panic_threshold * 100)
    ratio = _number(decision.panic_raw / max(1, decision.ready) * 100)
    counted = f"{decision.panic_raw} for {max(1, decision.ready)} ready = {ratio} %"
    if decision.panic_entered:
        return f"panic begins: {counted}, the threshold is {threshold} %"
    if decision.over_threshold:
        return f"panic goes on: {counted}, the threshold is {threshold} %"
    window = _seconds(decision.spec.stable_window_seconds)
    return f"panic lasts until {window} have passed below the threshold ({counted})"


def _rates(decision: Decision) -> list[str]:
    spec, ready = decision.spec, max(1, decision.ready)
    raw = max(decision.stable_raw, decision.panic_raw if decision.panicking else 0)
    if raw > decision.max_up:
        return [
            f"max-scale-up-rate {_number(spec.max_scale_up_rate)} lets {ready} ready grow to"
            f" {decision.max_up} at once, {raw} would be needed"
        ]
    if raw < decision.max_down:
        return [
            f"max-scale-down-rate {_number(spec.max_scale_down_rate)} lets {ready} ready shrink to"
            f" {decision.max_down} at once, {raw} would do"
        ]
    return []


def _burst(decision: Decision) -> str:
    """The mode of the ServerlessService, and what it means for requests."""
    spec = decision.spec
    if spec.target_burst_capacity == NEVER:
        mode, why = "Serve", "target-burst-capacity 0: mode Serve as soon as an instance is ready"
    elif spec.target_burst_capacity < 0:
        mode, why = "Proxy", "target-burst-capacity -1: always mode Proxy"
    else:
        mode = "Proxy" if decision.excess_burst_capacity < 0 else "Serve"
        why = (
            f"{decision.ready} ready × {_number(spec.total_value)}"
            f" - {_number(spec.target_burst_capacity)} for a burst"
            f" - {_number(decision.load.panic)} in use = {decision.excess_burst_capacity}"
            f" spare: mode {mode}"
        )
    return f"{why}; {_path(spec, mode)}"


def _path(spec: ScalingSpec, mode: str) -> str:
    if spec.limited:
        return "containerConcurrency has all requests queue at the gate, in either mode"
    if spec.gate_moves and mode == "Proxy":
        return "the gate is in the path"
    return "requests go straight to ready instances"


def explain_outcome(outcome: Outcome, spec: ScalingSpec | None) -> list[str]:
    """Sentences for what the limits and the way to zero made of it."""
    words = []
    if outcome.clamp is Clamp.MIN_SCALE:
        words.append(f"min-scale raises {_wish(outcome)} to {outcome.want}")
    elif outcome.clamp is Clamp.INITIAL_SCALE:
        words.append(f"initial-scale raises {_wish(outcome)} to {outcome.want} until reached once")
    elif outcome.clamp is Clamp.MAX_SCALE:
        words.append(f"max-scale cuts {_wish(outcome)} to {outcome.want}")
    if spec is not None and not spec.reachable:
        words.append("no route leads here: min-scale and pod retention do not count")
    text = _step(outcome, spec)
    return [*words, text] if text else words


def explain_rest(rest: RestPlan) -> list[str]:
    """A sentence for a revision that is not gone at zero."""
    if rest.way == WAY:
        return _explain_zygote(rest)
    if rest.replicas == 0:
        return []
    if rest.wait_seconds is None:
        return ["at-zero is frozen: the last instance is kept, stopped where it was"]
    left = _seconds(round(rest.wait_seconds))
    return [f"at-zero is frozen: the last instance is kept, stopped, and gone in {left}"]


def _explain_zygote(rest: RestPlan) -> list[str]:
    if rest.replicas == 0:
        return [f"at-zero is zygote, but there is none: {rest.note}"] if rest.note else []
    if not rest.note:
        return ["at-zero is zygote: a new instance is being made that will wait"]
    left = "" if rest.wait_seconds is None else f", gone in {_seconds(round(rest.wait_seconds))}"
    return [f"at-zero is zygote: a new instance waits, {rest.note}{left}"]


def _wish(outcome: Outcome) -> str:
    return "nothing decided" if outcome.desired < 0 else str(outcome.desired)


def _step(outcome: Outcome, spec: ScalingSpec | None) -> str:
    rest = _seconds(outcome.wait_seconds or 0)
    window = _seconds(spec.stable_window_seconds) if spec else "the stable window"
    return {
        Step.UNDECIDED: "no load was reported yet: the scale is left alone",
        Step.SERVE: "",
        Step.KEEP_ONE: "enable-scale-to-zero is off: one instance stays",
        Step.ACTIVATING: f"zero has to wait until it serves, for {rest} at most",
        Step.ACTIVATION_FAILED: "it did not become ready within its progress deadline: to zero",
        Step.GIVEN_UP: "it did not become ready within its progress deadline: the scale is left",
        Step.HOLD_ONE: f"active for less than {window}: one instance stays for {rest} more",
        Step.DEACTIVATE: f"idle after {window} of activity: marked inactive, instances stay",
        Step.AWAIT_GATE: "the gateway does not know the revision yet: zero has to wait",
        Step.RETAIN: f"the last instance is retained for {rest} more",
        Step.AWAIT_GRACE: f"inactive: the grace period ends in {rest}",
        Step.SLEEP: "idle, and the grace period is over: to zero",
    }[outcome.step]


def _wanted(history: DecisionHistory) -> int | None:
    if history.outcome is not None and history.outcome.want >= 0:
        return history.outcome.want
    return history.latest.decision.desired if history.latest else None


def _summary(
    revision: str, want: int | None, ready: int, latest: Record | None, outcome: Outcome | None
) -> str:
    if want is None and outcome is not None and outcome.step is Step.ACTIVATING:
        return f"{revision}: waits for its first instances, {ready} ready"
    if want is None and outcome is not None and outcome.step is Step.GIVEN_UP:
        return f"{revision}: given up, {ready} ready"
    if want is None:
        return f"{revision}: nothing decided yet, {ready} ready"
    if want == 0 and ready == 0:
        return f"{revision}: asleep"
    mode = "panic" if latest and latest.decision.panicking else "stable"
    return f"{revision}: wants {want}, {ready} ready, {mode} mode"


def _row(record: Record) -> dict[str, Any]:
    decision = record.decision
    return {
        "time": datetime.fromtimestamp(record.wall_time, UTC).isoformat(timespec="milliseconds"),
        "desired": decision.desired,
        "ready": decision.ready,
        "stable": decision.load.stable,
        "panic": decision.load.panic,
        "mode": "panic" if decision.panicking else "stable",
        "poked": record.poked,
        "excessBurstCapacity": decision.excess_burst_capacity,
        "words": "; ".join(explain_decision(decision)),
    }


def _number(value: float) -> str:
    """Two decimals, four for what is nearly nothing, and none that say nothing."""
    if 0 < value < 0.01:
        return f"{value:.4f}".rstrip("0") if value >= 0.0001 else "<0.0001"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _seconds(value: float) -> str:
    return f"{_number(value)} s"
