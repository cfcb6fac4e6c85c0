"""How many instances a HorizontalPodAutoscaler asks for: Kubernetes' algorithm, as pure functions.

``desired = ceil(ready x current / target)``, with care for pods whose figures cannot be trusted:
what is not ready yet counts as idle while growing, what has no figures counts against any change,
and a ratio within the tolerance changes nothing. See :mod:`wakeful.autoscaler.behavior` for how
fast the answer may be followed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from wakeful.apimachinery.errors import WakefulError
from wakeful.autoscaler.usage import PodUsage

TOLERANCE = 0.1
CPU = "cpu"
CPU_INITIALIZATION = timedelta(minutes=5)
"""A pod this young is busy with starting: its figures count once they were taken ready."""
INITIAL_READINESS_DELAY = timedelta(seconds=30)
"""A pod that was never ready in its first seconds is still starting, whatever its age."""


class TargetKind(StrEnum):
    """What a target is a number of."""

    UTILIZATION = "Utilization"
    """Percent of what the containers request."""
    AVERAGE_VALUE = "AverageValue"
    """Cores or bytes a pod."""


@dataclass(frozen=True, slots=True)
class ResourceTarget:
    """The use of one resource that is aimed for."""

    resource: str
    kind: TargetKind
    value: float
    container: str = ""
    """Of one container of each pod; empty for the whole pod."""

    def __str__(self) -> str:
        of = f"container {self.container!r}: " if self.container else ""
        if self.kind is TargetKind.UTILIZATION:
            return f"{of}{self.resource} resource utilization (percentage of request)"
        return f"{of}{self.resource} resource"


@dataclass(frozen=True, slots=True)
class PodState:
    """What is known of one pod of the target."""

    name: str
    pending: bool = False
    ignored: bool = False
    """On its way out, or ended."""
    started_at: datetime | None = None
    ready: bool | None = None
    """None before the pod has said so or otherwise."""
    ready_changed_at: datetime | None = None
    requests: Mapping[str, Mapping[str, float]] | None = None
    """What each container asks for, by resource."""
    usage: PodUsage | None = None


class MetricsUnavailableError(WakefulError):
    """A metric cannot be computed; ``reason`` goes into the condition."""

    def __init__(self, message: str, *, reason: str = "FailedGetResourceMetric") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one metric asks for."""

    target: ResourceTarget
    replicas: int
    utilization: int | None
    """Percent, for a target of utilization."""
    average: float
    """Cores or bytes of a pod that counts."""
    ratio: float
    """Present use over target, before pods in doubt were considered."""
    counted: int
    """Pods with figures that count."""
    unready: int
    missing: int

    @property
    def within_tolerance(self) -> bool:
        """Close enough to the target to leave things alone."""
        return abs(1 - self.ratio) <= TOLERANCE


@dataclass(slots=True)
class _Groups:
    counted: dict[str, float]
    unready: set[str]
    missing: set[str]


def propose(
    target: ResourceTarget, pods: Sequence[PodState], current: int, now: datetime
) -> Proposal:
    """Answer "how many?" for one metric.

    Raises:
        MetricsUnavailableError: No pod has figures that count, or, for a target of utilization,
            a container does not say how much it asks for.
    """
    groups = _group(target, pods, now)
    if not groups.counted:
        raise MetricsUnavailableError(
            f"failed to get {target.resource} {_noun(target)}: unable to get metrics for resource"
            f" {target.resource}: no metrics of pods that are ready"
        )
    scale = {pod.name: _allotment(target, pod) for pod in pods if not pod.ignored}
    used = groups.counted
    ratio = _ratio(target, used, scale)
    if target.kind is TargetKind.UTILIZATION:
        utilization = int(sum(used.values()) * 100 / sum(scale[name] for name in used) + 1e-9)
    else:
        utilization = None

    def proposal(replicas: int) -> Proposal:
        return Proposal(
            target=target,
            replicas=replicas,
            utilization=utilization,
            average=sum(used.values()) / len(used),
            ratio=ratio,
            counted=len(used),
            unready=len(groups.unready),
            missing=len(groups.missing),
        )

    growing = ratio > 1
    if not groups.missing and not (groups.unready and growing):
        within = abs(1 - ratio) <= TOLERANCE
        return proposal(current if within else _ceil(ratio * len(used)))
    return proposal(_with_doubts(target, groups, scale, ratio, current))


def _with_doubts(
    target: ResourceTarget,
    groups: _Groups,
    scale: Mapping[str, float],
    ratio: float,
    current: int,
) -> int:
    """The answer once pods without figures that count are taken for whatever argues against it."""
    assumed = dict(groups.counted)
    for name in groups.missing:
        if ratio < 1:  # they may be as busy as they are meant to be
            share = 1.0
            if target.kind is TargetKind.UTILIZATION:
                share = max(100.0, target.value) / 100
            assumed[name] = scale[name] * share
        else:
            assumed[name] = 0.0
    if ratio > 1:
        assumed |= dict.fromkeys(groups.unready, 0.0)
    revised = _ratio(target, assumed, scale)
    if abs(1 - revised) <= TOLERANCE or (ratio < 1) != (revised < 1):
        return current
    replicas = _ceil(revised * len(assumed))
    if (revised < 1 and replicas > current) or (revised > 1 and replicas < current):
        return current
    return replicas


def _ratio(target: ResourceTarget, used: Mapping[str, float], scale: Mapping[str, float]) -> float:
    total = sum(used.values())
    if target.kind is TargetKind.UTILIZATION:
        percent = int(total * 100 / sum(scale[name] for name in used) + 1e-9)
        return percent / target.value
    return total / len(used) / target.value


def _allotment(target: ResourceTarget, pod: PodState) -> float:
    """The amount that stands for one pod working as it is meant to."""
    if target.kind is TargetKind.AVERAGE_VALUE:
        return target.value
    requests = pod.requests or {}
    names = [target.container] if target.container else list(requests)
    total = 0.0
    for name in names:
        amount = requests.get(name, {}).get(target.resource)
        if amount is None:
            raise MetricsUnavailableError(
                f"failed to get {target.resource} utilization: missing request for"
                f" {target.resource} in container {name} of Pod {pod.name}"
            )
        total += amount
    if total <= 0:
        raise MetricsUnavailableError(
            f"failed to get {target.resource} utilization: no request for {target.resource}"
            f" in Pod {pod.name}"
        )
    return total


def _group(target: ResourceTarget, pods: Sequence[PodState], now: datetime) -> _Groups:
    groups = _Groups({}, set(), set())
    for pod in pods:
        if pod.ignored:
            continue
        amount = pod.usage.of(target.resource, target.container) if pod.usage else None
        if pod.pending:
            groups.unready.add(pod.name)
        elif pod.usage is None or amount is None:
            groups.missing.add(pod.name)
        elif target.resource == CPU and _is_starting(pod, pod.usage, now):
            groups.unready.add(pod.name)
        else:
            groups.counted[pod.name] = amount
    return groups


def _is_starting(pod: PodState, usage: PodUsage, now: datetime) -> bool:
    """Whether the cpu that a pod uses tells of its start and not of its work."""
    if pod.ready is None or pod.started_at is None or pod.ready_changed_at is None:
        return True
    if pod.started_at + CPU_INITIALIZATION > now:
        measured_from = usage.at - timedelta(seconds=usage.window_seconds)
        return not pod.ready or measured_from < pod.ready_changed_at
    return not pod.ready and pod.started_at + INITIAL_READINESS_DELAY > pod.ready_changed_at


def _noun(target: ResourceTarget) -> str:
    return "utilization" if target.kind is TargetKind.UTILIZATION else "usage"


def _ceil(value: float) -> int:
    """Round up, but not for the sake of an error in the last digit."""
    return math.ceil(value - 1e-9)
