"""Conditions, and the algebra that rolls dependents up into one ``Ready``.

The semantics are Knative's (``pkg/apis/condition_set.go``): a False dependent beats an Unknown one,
among equals the most recent change speaks, and ``lastTransitionTime`` moves only when status,
reason or message do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, Time, TypedStatus

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
READY, SUCCEEDED = "Ready", "Succeeded"
CREATION_FAILED = "CreationFailed"
"""The reason when the API has refused a child."""


class Condition(APIModel):
    """One observation about an object."""

    type: str = ""
    status: str = ""
    severity: str = ""
    """Empty for conditions that decide readiness, ``Info`` or ``Warning`` for the others."""
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""

    @property
    def is_true(self) -> bool:
        """Status is True."""
        return self.status == TRUE

    @property
    def is_false(self) -> bool:
        """Status is False."""
        return self.status == FALSE

    @property
    def is_unknown(self) -> bool:
        """Status is Unknown, or nothing was said yet."""
        return self.status not in (TRUE, FALSE)


class ConditionedStatus(TypedStatus):
    """A status with conditions."""

    conditions: list[Condition] = Field(default_factory=list)
    annotations: dict[str, str] = Field(default_factory=dict)

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, if it was ever set."""
        return next((c for c in self.conditions if c.type == kind), None)


def utc_now() -> datetime:
    """Wall time; the default clock of condition sets."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ConditionSet:
    """Which conditions a kind has: the happy one and the dependents that decide it."""

    happy: str
    dependents: tuple[str, ...] = ()

    @classmethod
    def living(cls, *dependents: str) -> ConditionSet:
        """For things that keep running: the happy condition is ``Ready``."""
        return cls(READY, dependents)

    @classmethod
    def batch(cls, *dependents: str) -> ConditionSet:
        """For things that end: the happy condition is ``Succeeded``."""
        return cls(SUCCEEDED, dependents)

    def manage(
        self, status: ConditionedStatus, now: Callable[[], datetime] = utc_now
    ) -> ConditionManager:
        """Bind to one object's status."""
        return ConditionManager(self, status, now)


class ConditionManager:
    """Sets conditions on one status and keeps its happy condition in line."""

    def __init__(
        self, conditions: ConditionSet, status: ConditionedStatus, now: Callable[[], datetime]
    ) -> None:
        self._set, self._status, self._now = conditions, status, now

    def get(self, kind: str) -> Condition | None:
        """The condition of that type, if it was ever set."""
        return self._status.condition(kind)

    @property
    def is_happy(self) -> bool:
        """Whether the happy condition is True."""
        happy = self.get(self._set.happy)
        return happy is not None and happy.is_true

    def initialize(self) -> None:
        """Give the happy condition and every dependent a value: Unknown where nothing was said."""
        happy = self.get(self._set.happy)
        if happy is None:
            happy = Condition(type=self._set.happy, status=UNKNOWN)
            self._put(happy)
        fill = TRUE if happy.is_true else UNKNOWN
        for kind in self._set.dependents:
            if self.get(kind) is None:
                self._put(Condition(type=kind, status=fill))

    def mark_true(self, kind: str, reason: str = "", message: str = "") -> None:
        """Set ``kind`` True, then the happy condition as the dependents have it."""
        self._put(self._make(kind, TRUE, reason, message))
        self._recompute(kind)

    def mark_unknown(self, kind: str, reason: str, message: str) -> None:
        """Set ``kind`` Unknown; the happy condition follows unless a dependent is False."""
        self._put(self._make(kind, UNKNOWN, reason, message))
        for dependent in self._set.dependents:
            condition = self.get(dependent)
            if condition is not None and condition.is_false:
                happy = self.get(self._set.happy)
                if happy is None or not happy.is_false:
                    self.mark_false(self._set.happy, reason, message)
                return
        if kind in self._set.dependents:
            self._put(self._make(self._set.happy, UNKNOWN, reason, message))

    def mark_false(self, kind: str, reason: str, message: str) -> None:
        """Set ``kind`` False; a dependent takes the happy condition with it."""
        self._put(self._make(kind, FALSE, reason, message))
        if kind in self._set.dependents:
            self._put(self._make(self._set.happy, FALSE, reason, message))

    def copy_from(self, kind: str, source: Condition | None) -> None:
        """Propagate a child's condition onto ``kind``; nothing is done while it is absent."""
        if source is None:
            return
        if source.is_true:
            self.mark_true(kind)
        elif source.is_false:
            self.mark_false(kind, source.reason, source.message)
        else:
            self.mark_unknown(kind, source.reason, source.message)

    def clear(self, kind: str) -> None:
        """Remove a condition that does not decide readiness."""
        if kind == self._set.happy or kind in self._set.dependents:
            raise ValueError(f"condition {kind!r} decides readiness and cannot be cleared")
        self._status.conditions = [c for c in self._status.conditions if c.type != kind]

    def _make(self, kind: str, status: str, reason: str, message: str) -> Condition:
        return Condition(
            type=kind,
            status=status,
            severity="" if kind == self._set.happy or kind in self._set.dependents else "Info",
            reason=reason,
            message=message,
        )

    def _put(self, new: Condition) -> None:
        old = self.get(new.type)
        if old is not None:
            new.last_transition_time = old.last_transition_time
            if new == old:
                return
        new.last_transition_time = self._now()
        rest = [c for c in self._status.conditions if c.type != new.type]
        self._status.conditions = sorted([*rest, new], key=lambda c: c.type)

    def _recompute(self, changed: str) -> None:
        unhappy = self._unhappy_dependent()
        if unhappy is not None:
            self._put(self._make(self._set.happy, unhappy.status, unhappy.reason, unhappy.message))
        elif changed != self._set.happy:
            self._put(self._make(self._set.happy, TRUE, "", ""))

    def _unhappy_dependent(self) -> Condition | None:
        if not self._set.dependents:
            return None
        present = [
            c for c in self._status.conditions if not c.severity and c.type != self._set.happy
        ]
        present.sort(key=_transition_time, reverse=True)
        unhappy = _first(c for c in present if c.is_false) or _first(
            c for c in present if c.is_unknown
        )
        if unhappy is not None:
            return unhappy
        if len(present) < len(self._set.dependents):
            return Condition(status=UNKNOWN)
        return None


def _transition_time(condition: Condition) -> datetime:
    return condition.last_transition_time or datetime.min.replace(tzinfo=UTC)


def _first(conditions: Iterable[Condition]) -> Condition | None:
    return next(iter(conditions), None)
