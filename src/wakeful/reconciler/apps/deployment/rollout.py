"""How many pods each replica set should have. Pure.

The rules are Kubernetes': a rolling update never has more than ``replicas + maxSurge`` pods nor
fewer than ``replicas - maxUnavailable`` available ones, and gives up unhealthy old pods first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.apps.deployment_types import DESIRED_REPLICAS, MAX_REPLICAS, ROLLING_UPDATE
from wakeful.apis.core.scalars import parse_int_or_percent
from wakeful.reconciler.apps.deployment.resources import created


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rollout may deviate, in pods."""

    surge: int = 0
    unavailable: int = 0


def bounds_of(deployment: Deployment) -> Bounds:
    """Resolve percentages; something may always move."""
    rolling = deployment.spec.strategy.rolling_update
    total = deployment.spec.replicas or 0
    if deployment.spec.strategy.type != ROLLING_UPDATE or rolling is None:
        return Bounds()
    surge = parse_int_or_percent(rolling.max_surge or 0, total, round_up=True)
    unavailable = parse_int_or_percent(rolling.max_unavailable or 0, total, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, min(unavailable, total) if total else unavailable)


def max_replicas(deployment: Deployment) -> int:
    """Most pods there may be during a rollout."""
    return (deployment.spec.replicas or 0) + bounds_of(deployment).surge


def size(found: ReplicaSet | None) -> int:
    """Pods a set asks for."""
    return (found.spec.replicas or 0) if found is not None else 0


def available(found: ReplicaSet) -> int:
    """Pods of a set that are available."""
    return found.status.available_replicas


Scales = list[tuple[ReplicaSet, int]]
"""Sets whose size changes, and to what."""


def initial_size(deployment: Deployment, old: Sequence[ReplicaSet]) -> int:
    """How big a replica set that does not exist yet starts."""
    return _new_size(deployment, 0, sum(map(size, old)))


def _new_size(deployment: Deployment, current: int, everything: int) -> int:
    wanted = deployment.spec.replicas or 0
    if deployment.spec.strategy.type != ROLLING_UPDATE:
        return wanted
    room = max_replicas(deployment) - everything
    if room <= 0:
        return current
    return current + max(0, min(room, wanted - current))


def is_scaling(deployment: Deployment, sets: Sequence[ReplicaSet]) -> bool:
    """Whether the wanted number changed since active sets got their size."""
    wanted = str(deployment.spec.replicas or 0)
    return any(
        size(found) > 0 and found.metadata.annotations.get(DESIRED_REPLICAS) not in (None, wanted)
        for found in sets
    )


def plan_scaling(
    deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]
) -> Scales:
    """Grow or shrink without rolling on: the active set, or all in proportion."""
    wanted = deployment.spec.replicas or 0
    everything = [*([new] if new is not None else []), *old]
    active = [found for found in everything if size(found) > 0]
    if len(active) <= 1:
        only = active[0] if active else (new or max(old, key=created, default=None))
        return [(only, wanted)] if only is not None and size(only) != wanted else []
    if new is not None and _is_saturated(deployment, new):
        return [(found, 0) for found in old if size(found) > 0]
    if deployment.spec.strategy.type != ROLLING_UPDATE:
        return []
    return _plan_proportional(deployment, active)


def _is_saturated(deployment: Deployment, new: ReplicaSet) -> bool:
    wanted = deployment.spec.replicas or 0
    return (
        size(new) == wanted
        and new.metadata.annotations.get(DESIRED_REPLICAS) == str(wanted)
        and available(new) == wanted
    )


def _plan_proportional(deployment: Deployment, active: list[ReplicaSet]) -> Scales:
    allowed = max_replicas(deployment) if deployment.spec.replicas else 0
    to_add = allowed - sum(map(size, active))
    if to_add == 0:
        return []
    ordered = sorted(active, key=lambda f: (-size(f), created(f)))
    added, sizes = 0, []
    for found in ordered:
        share = _share(deployment, found, to_add, added)
        added += share
        sizes.append(size(found) + share)
    sizes[0] = max(0, sizes[0] + to_add - added)
    return [(f, n) for f, n in zip(ordered, sizes, strict=True) if n != size(f)]


def _share(deployment: Deployment, found: ReplicaSet, to_add: int, added: int) -> int:
    try:
        was = int(found.metadata.annotations.get(MAX_REPLICAS, "0"))
    except ValueError:
        was = 0
    was = was or deployment.status.replicas or 1
    if not deployment.spec.replicas:
        return -size(found)
    share = round(size(found) * max_replicas(deployment) / was) - size(found)
    left = to_add - added
    return min(share, left) if to_add > 0 else max(share, left)


def plan_rolling(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Scales:
    """The next step of a rolling update: grow the new set, else shrink old ones."""
    wanted = deployment.spec.replicas or 0
    everything = size(new) + sum(map(size, old))
    target = wanted if size(new) > wanted else _new_size(deployment, size(new), everything)
    if target != size(new):
        return [(new, target)]
    return _plan_shrinking(deployment, new, old)


def _plan_shrinking(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Scales:
    if not any(map(size, old)):
        return []
    least = (deployment.spec.replicas or 0) - bounds_of(deployment).unavailable
    everything = size(new) + sum(map(size, old))
    spare = everything - least - (size(new) - available(new))
    if spare <= 0:
        return []
    ordered = sorted(old, key=created)
    sizes = {found.metadata.name: size(found) for found in ordered}
    dropped = 0
    for found in ordered:  # pods that do not serve anyway
        unhealthy = max(0, size(found) - available(found))
        drop = min(spare - dropped, unhealthy)
        sizes[found.metadata.name] -= drop
        dropped += drop
    surplus = available(new) + sum(map(available, old)) - least
    for found in ordered:
        drop = min(max(0, surplus), sizes[found.metadata.name])
        sizes[found.metadata.name] -= drop
        surplus -= drop
    return [(f, sizes[f.metadata.name]) for f in ordered if sizes[f.metadata.name] != size(f)]


def plan_recreation(old: Sequence[ReplicaSet]) -> Scales:
    """Before anything new starts, everything old ends."""
    return [(found, 0) for found in old if size(found) > 0]
