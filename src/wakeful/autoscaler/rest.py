"""How a revision rests at zero: gone, or frozen for a while before it is gone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_FROZEN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Resting:
    """What there is of a revision that is to rest."""

    replicas: int
    """As asked for at present."""
    instances: int
    """That are not on their way out."""
    frozen_since: float | None
    """When the one that is frozen was; seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class RestPlan:
    """What to do about it."""

    replicas: int
    freeze: bool = False
    """Freeze the only instance now."""
    wait_seconds: float | None = None
    """Look again after this long at the latest."""
    replace: bool = False
    """End the only instance now, for a new one that waits."""
    way: str = "frozen"
    """What was asked for."""
    note: str = ""
    """About what is kept, or why nothing is."""


def plan_rest(frozen_seconds: float, rest: Resting, now: float) -> RestPlan:
    """Keep one instance, frozen, for ``frozen_seconds`` after it was; 0 is no limit.

    Only the last one is frozen: which of several goes is for others to choose. A revision that has
    none is not started for the sake of being frozen.
    """
    if rest.replicas == 0 or rest.instances == 0:
        return RestPlan(0)
    if rest.frozen_since is None:
        return RestPlan(1, freeze=rest.instances == 1)
    if frozen_seconds == 0:
        return RestPlan(1)
    left = rest.frozen_since + frozen_seconds - now
    return RestPlan(1, wait_seconds=left) if left > 0 else RestPlan(0)
