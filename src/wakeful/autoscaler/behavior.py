"""How fast a HorizontalPodAutoscaler's answer is followed: stabilization, policies and bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

DOWNSCALE_STABILIZATION_SECONDS = 300.0


class Select(StrEnum):
    """Which of several policies holds."""

    MAX = "Max"
    """The one that allows the largest change."""
    MIN = "Min"
    DISABLED = "Disabled"
    """No change in this direction."""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so much change within a period: ``value`` pods, or percent of those there were."""

    percent: bool
    value: int
    period_seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for one direction."""

    stabilization_seconds: float
    select: Select
    policies: tuple[Policy, ...]

    @classmethod
    def parse(cls, wire: Mapping[str, Any] | None, default: Rules) -> Rules:
        """Read ``spec.behavior.scaleUp`` or ``scaleDown``; ``default`` fills what is not said."""
        wire = wire or {}
        window = wire.get("stabilizationWindowSeconds")
        policies = tuple(
            Policy(
                policy.get("type") == "Percent",
                int(policy.get("value", 0)),
                float(policy.get("periodSeconds", 15)),
            )
            for policy in wire.get("policies") or ()
        )
        return cls(
            default.stabilization_seconds if window is None else float(window),
            Select(wire.get("selectPolicy") or default.select),
            policies or default.policies,
        )


DEFAULT_UP = Rules(0.0, Select.MAX, (Policy(False, 4, 15.0), Policy(True, 100, 15.0)))
DEFAULT_DOWN = Rules(DOWNSCALE_STABILIZATION_SECONDS, Select.MAX, (Policy(True, 100, 15.0),))


@dataclass(frozen=True, slots=True)
class Behavior:
    """Rules for both directions."""

    up: Rules = DEFAULT_UP
    down: Rules = DEFAULT_DOWN

    @classmethod
    def parse(cls, wire: Mapping[str, Any] | None) -> Behavior:
        """Read ``spec.behavior``."""
        wire = wire or {}
        return cls(
            Rules.parse(wire.get("scaleUp"), DEFAULT_UP),
            Rules.parse(wire.get("scaleDown"), DEFAULT_DOWN),
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered between two looks: earlier answers, and changes that were made."""

    answers: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()
    """When, and by how many."""

    def with_change(self, now: float, delta: int, behavior: Behavior) -> Memory:
        """Remember a change for as long as any policy looks back."""
        policies = behavior.up.policies + behavior.down.policies
        horizon = now - max((p.period_seconds for p in policies), default=0.0)
        kept = tuple(change for change in self.changes if change[0] >= horizon)
        return Memory(self.answers, (*kept, (now, delta)))


class Stabilized(StrEnum):
    """Whether an earlier answer took the place of the present one; a reason of AbleToScale."""

    NO = "ReadyForNewScale"
    UP = "ScaleUpStabilized"
    DOWN = "ScaleDownStabilized"


class Limit(StrEnum):
    """What cut the answer; a reason of ScalingLimited."""

    NONE = "DesiredWithinRange"
    UP = "ScaleUpLimit"
    DOWN = "ScaleDownLimit"
    MOST = "TooManyReplicas"
    LEAST = "TooFewReplicas"


@dataclass(frozen=True, slots=True)
class Pace:
    """How far to go now."""

    replicas: int
    answer: int
    """What the metrics asked for."""
    stabilized: Stabilized
    limit: Limit
    memory: Memory = field(repr=False)


def pace(
    answer: int, current: int, least: int, most: int, behavior: Behavior, memory: Memory, now: float
) -> Pace:
    """Turn an answer into the scale to have now, and what to remember of it."""
    windows = (behavior.up.stabilization_seconds, behavior.down.stabilization_seconds)
    horizon = now - max(windows)
    answers = (*(a for a in memory.answers if a[0] >= horizon), (now, answer))
    stable, stabilized = _stabilize(answer, current, behavior, answers, now)
    replicas, limit = _limit(stable, current, least, most, behavior, memory.changes, now)
    return Pace(replicas, answer, stabilized, limit, Memory(answers, memory.changes))


def _stabilize(
    answer: int,
    current: int,
    behavior: Behavior,
    answers: tuple[tuple[float, int], ...],
    now: float,
) -> tuple[int, Stabilized]:
    """Grow to the least and shrink to the most that was asked for within the windows."""
    up = min(n for at, n in answers if at >= now - behavior.up.stabilization_seconds)
    down = max(n for at, n in answers if at >= now - behavior.down.stabilization_seconds)
    stable = current
    if stable < up:
        stable = up
    if stable > down:
        stable = down
    if stable == answer:
        return answer, Stabilized.NO
    return stable, Stabilized.UP if answer > stable else Stabilized.DOWN


def _limit(
    wish: int,
    current: int,
    least: int,
    most: int,
    behavior: Behavior,
    changes: tuple[tuple[float, int], ...],
    now: float,
) -> tuple[int, Limit]:
    if wish > current:
        highest = max(current, _highest(current, behavior.up, changes, now))
        if wish > min(most, highest):
            return (most, Limit.MOST) if most <= highest else (highest, Limit.UP)
    elif wish < current:
        lowest = min(current, _lowest(current, behavior.down, changes, now))
        if wish < max(least, lowest):
            return (least, Limit.LEAST) if least >= lowest else (lowest, Limit.DOWN)
    if wish > most:
        return most, Limit.MOST
    if wish < least:
        return least, Limit.LEAST
    return wish, Limit.NONE


def _highest(current: int, rules: Rules, changes: tuple[tuple[float, int], ...], now: float) -> int:
    if rules.select is Select.DISABLED:
        return current
    ends = []
    for policy in rules.policies:
        start = current - _net_change(changes, policy, now)
        grown = math.ceil(start * (1 + policy.value / 100) - 1e-9)
        ends.append(grown if policy.percent else start + policy.value)
    return max(ends) if rules.select is Select.MAX else min(ends)


def _lowest(current: int, rules: Rules, changes: tuple[tuple[float, int], ...], now: float) -> int:
    if rules.select is Select.DISABLED:
        return current
    ends = []
    for policy in rules.policies:
        start = current - _net_change(changes, policy, now)
        shrunk = int(start * (1 - policy.value / 100) + 1e-9)
        ends.append(shrunk if policy.percent else start - policy.value)
    return min(ends) if rules.select is Select.MAX else max(ends)


def _net_change(changes: tuple[tuple[float, int], ...], policy: Policy, now: float) -> int:
    return sum(delta for at, delta in changes if at > now - policy.period_seconds)
