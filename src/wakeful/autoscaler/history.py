"""What was decided lately about one revision, kept as plain values."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from wakeful.autoscaler.bounds import Outcome
from wakeful.autoscaler.rest import RestPlan
from wakeful.autoscaler.scaling import Decision

DEFAULT_LENGTH = 30


@dataclass(frozen=True, slots=True)
class Record:
    """One decision, when it was made by the wall clock, and what became of it."""

    wall_time: float
    decision: Decision
    poked: bool
    """A held request asked for it; no tick was waited for."""


class DecisionHistory:
    """The last decisions of one revision, oldest first.

    Ticks that repeat the one before (same wish, same averages, same mode) replace it, so that a
    quiet hour does not push the last change out.
    """

    def __init__(self, length: int = DEFAULT_LENGTH) -> None:
        self._records: deque[Record] = deque(maxlen=length)
        self.outcome: Outcome | None = None
        """What the limits made of the newest decision, once a reconcile has looked at it."""
        self.rest: RestPlan | None = None
        """How the revision rests; None while it does not, or is gone."""

    def add(self, record: Record) -> None:
        """Append, or replace the last one when nothing is different."""
        if self._records and _alike(self._records[-1].decision, record.decision):
            self._records.pop()
        self._records.append(record)

    @property
    def records(self) -> tuple[Record, ...]:
        """All that is kept."""
        return tuple(self._records)

    @property
    def latest(self) -> Record | None:
        """The newest one."""
        return self._records[-1] if self._records else None


def _alike(a: Decision, b: Decision) -> bool:
    return (
        a.desired == b.desired
        and a.ready == b.ready
        and a.panicking == b.panicking
        and a.load == b.load
        and a.spec == b.spec
    )
