"""A new Revision may get its share step by step. Pure.

The state of a rollout travels as JSON in an annotation of the Ingress, in upstream's form, so that
it survives restarts and can be read by the same tools. Times are nanoseconds since the epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from wakeful.reconciler.serving.route.traffic import RevisionTarget

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """What one Revision gets, in percent of the Route's traffic."""

    revision: str
    percent: int


@dataclass(frozen=True, slots=True)
class Steps:
    """When and how far a rollout moves; all 0 while it is not known yet."""

    start_time: int = 0
    next_step_time: int = 0
    step_duration: int = 0
    step_size: int = 0

    def to_wire(self) -> dict[str, int]:
        """Return upstream's form."""
        wire = {
            "starttime": self.start_time,
            "nextStepTime": self.next_step_time,
            "stepDuration": self.step_duration,
            "stepSize": self.step_size,
        }
        return {key: value for key, value in wire.items() if value}


@dataclass(frozen=True, slots=True)
class ConfigurationRollout:
    """The Revisions of one Configuration under one tag, oldest first; one when at rest."""

    configuration: str
    tag: str
    percent: int
    shares: tuple[Share, ...]
    steps: Steps = field(default_factory=Steps)

    @property
    def is_done(self) -> bool:
        """Whether the newest Revision has everything."""
        return len(self.shares) < 2

    def to_wire(self) -> dict[str, Any]:
        """Return upstream's form."""
        wire: dict[str, Any] = {"configurationName": self.configuration}
        if self.tag:
            wire["tag"] = self.tag
        wire["percent"] = self.percent
        wire["revisions"] = [
            {"revisionName": share.revision, "percent": share.percent} for share in self.shares
        ]
        return wire | {"stepParams": self.steps.to_wire()}


@dataclass(frozen=True, slots=True)
class Rollout:
    """Every target that follows a latest Revision."""

    configurations: tuple[ConfigurationRollout, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing moves."""
        return all(configuration.is_done for configuration in self.configurations)

    def find(self, tag: str, configuration: str) -> ConfigurationRollout | None:
        """The rollout of one target."""
        wanted = (tag, configuration)
        return next((c for c in self.configurations if (c.tag, c.configuration) == wanted), None)

    @property
    def next_step_time(self) -> int:
        """When something moves next; 0 when nothing will by itself."""
        times = [c.steps.next_step_time for c in self.configurations if not c.is_done]
        return min((time for time in times if time), default=0)

    def to_json(self) -> str:
        """Return the annotation's value."""
        if not self.configurations:
            return "{}"
        found = [configuration.to_wire() for configuration in self.configurations]
        return orjson.dumps({"configurations": found}).decode()


def goal_of(hosts: Mapping[str, tuple[RevisionTarget, ...]]) -> Rollout:
    """Where a rollout ends: every newest Revision has its whole share."""
    return _sorted(
        ConfigurationRollout(
            target.configuration, tag, target.percent, (Share(target.revision, target.percent),)
        )
        for tag, targets in hosts.items()
        for target in targets
        if target.latest and target.percent
    )


def _sorted(configurations: Iterable[ConfigurationRollout]) -> Rollout:
    return Rollout(tuple(sorted(configurations, key=lambda c: (c.tag, c.configuration))))


def parse_rollout(text: str) -> Rollout | None:
    """Read the annotation; what is missing, broken or does not add up counts as no state."""
    try:
        wire = orjson.loads(text)
        found = tuple(_parse(item) for item in wire.get("configurations", ()))
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return None
    return Rollout(found) if all(map(_adds_up, found)) else None


def _parse(item: Mapping[str, Any]) -> ConfigurationRollout:
    steps = item.get("stepParams", {})
    return ConfigurationRollout(
        item["configurationName"],
        item.get("tag", ""),
        int(item["percent"]),
        tuple(Share(r["revisionName"], int(r["percent"])) for r in item.get("revisions", ())),
        Steps(
            int(steps.get("starttime", 0)),
            int(steps.get("nextStepTime", 0)),
            int(steps.get("stepDuration", 0)),
            int(steps.get("stepSize", 0)),
        ),
    )


def _adds_up(found: ConfigurationRollout) -> bool:
    return (
        found.percent <= 100
        and 0 <= found.steps.step_size <= found.percent
        and sum(share.percent for share in found.shares) == found.percent
    )


def observe_ready(rollout: Rollout, now: int, duration_seconds: int) -> Rollout:
    """The gateway serves the first step: the time that took is the shortest step from here on."""
    return Rollout(
        tuple(
            replace(c, steps=_plan(c, now, duration_seconds))
            if c.steps.start_time and not c.steps.step_duration
            else c
            for c in rollout.configurations
        )
    )


def _plan(found: ConfigurationRollout, now: int, duration_seconds: int) -> Steps:
    shortest = max(1, math.ceil((now - found.steps.start_time) / SECOND))
    remaining = max(1, duration_seconds - shortest)
    left = found.percent - 1  # the first percent has moved already
    count = min(max(1.0, remaining / shortest), max(1, left))
    duration = int(remaining / count * SECOND)
    return Steps(
        start_time=found.steps.start_time,
        next_step_time=now + duration,
        step_duration=duration,
        step_size=math.floor(left / count + 0.5),
    )


def step(goal: Rollout, previous: Rollout | None, now: int) -> Rollout:
    """Move from ``previous`` towards ``goal`` as far as is due.

    Targets that are new, or get one percent at most, are where they should be at once.
    """
    if previous is None or not previous.configurations:
        return goal
    moved: list[ConfigurationRollout] = []
    for wanted in goal.configurations:
        before = previous.find(wanted.tag, wanted.configuration)
        if before is None or wanted.percent <= 1 or not before.shares:
            moved.append(wanted)
        else:
            moved.append(_step_configuration(wanted, before, now))
    return _sorted(moved)


def _step_configuration(
    goal: ConfigurationRollout, before: ConfigurationRollout, now: int
) -> ConfigurationRollout:
    newest = goal.shares[0].revision
    shares = _resize(before.shares, goal.percent)
    if not shares:
        return goal
    if before.shares[-1].revision != newest:
        return replace(goal, shares=_start(shares, newest), steps=Steps(start_time=now))
    if len(shares) < 2:
        return goal
    current = replace(goal, shares=shares, steps=before.steps)
    if before.steps.step_size == 0 or now < before.steps.next_step_time:
        return current
    shares = _advance(shares, before.steps.step_size, goal.percent)
    if len(shares) < 2:
        return goal
    steps = replace(before.steps, next_step_time=now + before.steps.step_duration)
    return replace(goal, shares=shares, steps=steps)


def _resize(shares: Sequence[Share], percent: int) -> tuple[Share, ...]:
    """More goes to the newest Revision, less is taken from the oldest."""
    missing = percent - sum(share.percent for share in shares)
    found = list(shares)
    if missing > 0:
        found[-1] = replace(found[-1], percent=found[-1].percent + missing)
    while missing < 0 and found:
        taken = min(found[0].percent, -missing)
        missing += taken
        if taken == found[0].percent:
            found.pop(0)
        else:
            found[0] = replace(found[0], percent=found[0].percent - taken)
    return tuple(found)


def _start(shares: Sequence[Share], newest: str) -> tuple[Share, ...]:
    """One percent of the youngest predecessor that has any."""
    found = [share for share in shares if share.percent]
    found[-1] = replace(found[-1], percent=found[-1].percent - 1)
    return (*(share for share in found if share.percent), Share(newest, 1))


def _advance(shares: Sequence[Share], size: int, percent: int) -> tuple[Share, ...]:
    """Move ``size`` percent to the newest Revision, youngest predecessors first."""
    older, newest = list(shares[:-1]), shares[-1]
    remaining = size
    while remaining > 0 and older:
        if older[-1].percent > remaining:
            older[-1] = replace(older[-1], percent=older[-1].percent - remaining)
            break
        remaining -= older.pop().percent
    return (*older, replace(newest, percent=min(percent, newest.percent + size)))
