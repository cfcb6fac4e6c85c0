"""Conditions of Kubernetes' own kinds, which have no happy one; Knative's are ``.conditions``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar


class StatusCondition(Protocol):
    """What the conditions of all kinds have in common."""

    type: str
    status: str
    last_transition_time: datetime | None


C = TypeVar("C", bound=StatusCondition)


def set_status_condition(conditions: Sequence[C], new: C) -> list[C]:
    """Return the conditions with ``new`` in place of the one of its type, or at the end.

    While the status is what it was, ``new`` keeps the transition time of the one it replaces.
    """
    have = next((c for c in conditions if c.type == new.type), None)
    if have is None:
        return [*conditions, new]
    if have.status == new.status and have.last_transition_time is not None:
        new.last_transition_time = have.last_transition_time
    return [new if c is have else c for c in conditions]
