"""Why a HorizontalPodAutoscaler has the scale it has, in plain words."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wakeful.autoscaler.behavior import Behavior, Limit, Pace, Stabilized
from wakeful.autoscaler.explain import ExplainReport
from wakeful.autoscaler.horizontal import CPU, TOLERANCE, Proposal, ResourceTarget, TargetKind

_LENGTH = 30


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a HorizontalPodAutoscaler's target, with all that led to the answer."""

    wall_time: float
    current: int
    ready: int
    want: int
    least: int
    most: int
    behavior: Behavior
    proposals: tuple[Proposal, ...] = ()
    failures: tuple[str, ...] = ()
    """Metrics that could not be computed, and why."""
    pace: Pace | None = None
    """None when the metrics were not asked, or had no answer."""
    note: str = ""
    """What was decided without them."""


class LookHistory:
    """The last looks at one target; one that repeats the one before replaces it."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=_LENGTH)

    def add(self, look: Look) -> None:
        """Remember a look."""
        if self._looks and _words(self._looks[-1]) == _words(look):
            self._looks.pop()
        self._looks.append(look)

    def report(self, namespace: str, name: str) -> ExplainReport | None:
        """Everything there is to say; None before the first look."""
        if not self._looks:
            return None
        latest = self._looks[-1]
        return ExplainReport(
            namespace=namespace,
            revision=name,
            want=latest.want,
            ready=latest.ready,
            summary=f"{name}: wants {latest.want}, {latest.ready} ready,"
            " scaled by a HorizontalPodAutoscaler",
            reasons=_words(latest),
            history=tuple(_row(look) for look in self._looks),
        )


def explain_look(look: Look) -> Iterable[str]:
    """Sentences for the way from figures to a scale."""
    for proposal in look.proposals:
        yield from _proposal(proposal, look.current)
    for failure in look.failures:
        yield f"a metric is not known: {failure}"
        if "missing request" in failure:
            yield "set resources.requests of the container: utilization is a share of it"
    if look.note:
        yield look.note
    if look.pace is None:
        return
    if len(look.proposals) > 1:
        yield f"the largest answer counts: {look.pace.answer}"
    yield from _pace(look, look.pace)


def format_amount(resource: str, amount: float) -> str:
    """``250m`` cores, or bytes, as quantities."""
    return f"{round(amount * 1000)}m" if resource == CPU else str(round(amount))


def _proposal(proposal: Proposal, current: int) -> Iterable[str]:
    target = proposal.target
    pods = "1 pod" if proposal.counted == 1 else f"{proposal.counted} pods"
    if proposal.utilization is not None:
        used, aim = f"{proposal.utilization} % of the request", f"{target.value:g} %"
    else:
        used, aim = _amount(target, proposal.average), _amount(target, target.value)
    of = f" of container {target.container}" if target.container else ""
    sentence = (
        f"{target.resource}{of}: {used} on average over {pods}, aim {aim}:"
        f" {proposal.counted} × {proposal.ratio:.2f} → {proposal.replicas}"
    )
    doubts = proposal.missing or (proposal.unready and proposal.ratio > 1)
    if proposal.within_tolerance and not doubts:
        sentence += f" (within {TOLERANCE:.0%} of the aim: no change)"
    yield sentence
    if proposal.unready and proposal.ratio > 1:
        yield f"{proposal.unready} still starting: taken for idle before more are asked for"
    if proposal.missing:
        guess = "as busy as they may be" if proposal.ratio < 1 else "idle"
        yield f"{proposal.missing} without figures: taken for {guess}"
    if doubts and proposal.replicas == current and not proposal.within_tolerance:
        yield "with those in doubt nothing is changed"


def _amount(target: ResourceTarget, amount: float) -> str:
    if target.resource == CPU:
        return f"{amount:.3g} cores"
    if target.kind is TargetKind.AVERAGE_VALUE and amount >= 1 << 20:
        return f"{amount / (1 << 20):.4g} Mi"
    return f"{amount:.4g}"


def _pace(look: Look, pace: Pace) -> Iterable[str]:
    if pace.stabilized is Stabilized.DOWN:
        seconds = look.behavior.down.stabilization_seconds
        yield f"more was asked for within the last {seconds:g} s: shrinking waits for that long"
    elif pace.stabilized is Stabilized.UP:
        seconds = look.behavior.up.stabilization_seconds
        yield f"less was asked for within the last {seconds:g} s: growing waits for that long"
    words = {
        Limit.NONE: "",
        Limit.UP: f"scaleUp policies let {look.current} grow to {pace.replicas} for now",
        Limit.DOWN: f"scaleDown policies let {look.current} shrink to {pace.replicas} for now",
        Limit.MOST: f"max-scale (maxReplicas) is {look.most}",
        Limit.LEAST: f"min-scale (minReplicas) is {look.least}",
    }[pace.limit]
    if words:
        yield words


def _words(look: Look) -> tuple[str, ...]:
    return tuple(explain_look(look))


def _row(look: Look) -> dict[str, Any]:
    load = [
        f"{p.target.resource} {p.utilization} %"
        if p.utilization is not None
        else f"{p.target.resource} {_amount(p.target, p.average)}"
        for p in look.proposals
    ]
    return {
        "time": datetime.fromtimestamp(look.wall_time, UTC).isoformat(timespec="milliseconds"),
        "desired": look.want,
        "ready": look.ready,
        "stable": ", ".join(load),
        "panic": "",
        "mode": "hpa",
        "words": "; ".join(_words(look)),
    }
