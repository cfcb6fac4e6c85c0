"""How a revision rests at zero by way of a zygote. Pure.

A *zygote* is an instance that waits with its modules imported and its program not begun. The last
instance that served makes place for it: a used one holds the past of its requests, a new one is as
any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wakeful.autoscaler.rest import RestPlan

MANY_RESTARTS = 3
WAY = "zygote"
NOT_SEEN = "no start of it has been followed to its end yet"
UNREACHABLE = "no route leads to it"
RESTARTS = f"its zygote has ended {MANY_RESTARTS} times"


@dataclass(frozen=True, slots=True)
class Instance:
    """One that is not on its way out."""

    ready: bool
    parked_since: float | None = None
    """Since when it is to wait; seconds since the epoch."""
    restarts: int = 0
    """How often it has ended by itself, while it does not run."""
    known: str = ""
    """What its node has found out about its modules; empty is nothing yet."""
    unfit: str = ""
    """Why there can be no zygote of it."""


@dataclass(frozen=True, slots=True)
class Nursery:
    """What there is of a revision that is to rest."""

    replicas: int
    """As asked for at present."""
    instances: Sequence[Instance]
    expected: bool = False
    """One has been ended so that a zygote takes its place."""
    reachable: bool = True


def plan_zygote(kept_seconds: float, nursery: Nursery, now: float) -> RestPlan:
    """Keep one instance, new and waiting, for ``kept_seconds``; 0 is no limit.

    Whatever is doubtful ends at zero, where the next request starts an instance as ever: an
    instance of which nothing is known, that did not become ready, or that cannot wait.
    """

    def gone(note: str = "") -> RestPlan:
        return RestPlan(0, way=WAY, note=note)

    if nursery.replicas == 0:
        return gone()
    if not nursery.reachable:
        return gone(UNREACHABLE)
    unfit = next((one.unfit for one in nursery.instances if one.unfit), "")
    if unfit:
        return gone(unfit)
    if len(nursery.instances) > 1:
        return RestPlan(1, way=WAY)
    if not nursery.instances:
        return RestPlan(1, way=WAY) if nursery.expected else gone()
    (one,) = nursery.instances
    if one.ready:
        return RestPlan(1, replace=True, way=WAY) if one.known else gone(NOT_SEEN)
    if one.parked_since is None:
        return gone(NOT_SEEN)
    if one.restarts >= MANY_RESTARTS:
        return gone(RESTARTS)
    if kept_seconds == 0:
        return RestPlan(1, way=WAY, note=one.known)
    left = one.parked_since + kept_seconds - now
    return RestPlan(1, wait_seconds=left, way=WAY, note=one.known) if left > 0 else gone()
