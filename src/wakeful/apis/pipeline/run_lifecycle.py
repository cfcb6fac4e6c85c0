"""What the statuses of all runs have in common: one condition, ``Succeeded``, and two times."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.conditions import (
    FALSE,
    SUCCEEDED,
    TRUE,
    Condition,
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
)
from wakeful.apimachinery.meta import Time
from wakeful.apis.pipeline.register import TRUSTED

RUN_CONDITIONS = ConditionSet.batch()


class RunStatus(ConditionedStatus):
    """Unknown while it runs; True or False ends it, and sets the time of completion."""

    start_time: Time | None = None
    completion_time: Time | None = None

    def initialize(self, now: datetime) -> None:
        """Note the start, once."""
        if self.start_time is None:
            self.start_time = now
            self._manage(now).mark_unknown(SUCCEEDED, "Started", "")
        else:
            self._manage(now).initialize()

    def mark_unknown(self, reason: str, message: str, now: datetime) -> None:
        """It is under way."""
        self._manage(now).mark_unknown(SUCCEEDED, str(reason), message)

    def mark_true(self, reason: str, message: str, now: datetime) -> None:
        """It ended well."""
        self._manage(now).mark_true(SUCCEEDED, str(reason), message)
        self._complete(now)

    def mark_false(self, reason: str, message: str, now: datetime) -> None:
        """It ended badly."""
        self._manage(now).mark_false(SUCCEEDED, str(reason), message)
        self._complete(now)

    def note_trust(self, *, passed: bool, message: str, now: datetime) -> None:
        """Say whether what the run refers to is signed as it has to be; ends nothing."""
        told = Condition(
            type=TRUSTED,
            status=TRUE if passed else FALSE,
            message=message,
            last_transition_time=now,
        )
        before = self.condition(TRUSTED)
        if before is not None and (before.status, before.message) == (told.status, told.message):
            return
        rest = [c for c in self.conditions if c.type != TRUSTED]
        self.conditions = [*rest, told]

    @property
    def is_done(self) -> bool:
        """Whether it ended, well or not."""
        condition = self.condition(SUCCEEDED)
        return condition is not None and not condition.is_unknown

    @property
    def is_successful(self) -> bool:
        """Whether it ended well."""
        condition = self.condition(SUCCEEDED)
        return condition is not None and condition.is_true

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly."""
        condition = self.condition(SUCCEEDED)
        return condition is not None and condition.is_false

    @property
    def reason(self) -> str:
        """Why it is in the state it is in; empty before it was looked at."""
        condition = self.condition(SUCCEEDED)
        return condition.reason if condition is not None else ""

    @property
    def message(self) -> str:
        """The same in a sentence."""
        condition = self.condition(SUCCEEDED)
        return condition.message if condition is not None else ""

    def _complete(self, now: datetime) -> None:
        if self.completion_time is None:
            self.completion_time = now

    def _manage(self, now: datetime) -> ConditionManager:
        return RUN_CONDITIONS.manage(self, lambda: now)
