"""Whose turn it is among the steps of one Pod."""

from __future__ import annotations

import asyncio
from enum import Enum

from wakeful.aio import first_of
from wakeful.apis.core.pod_types import Pod
from wakeful.node.steps.plan import PlannedStep, StepsPlan
from wakeful.node.steps.record import StepOutcome, StepRecords
from wakeful.pipelines.entrypoint import CANCEL_ANNOTATION, READY_ANNOTATION


class Turn(Enum):
    """What a step that waited is to do."""

    RUN = "run"
    SKIP = "skip"
    """An earlier step failed."""
    CANCEL = "cancel"
    """Nobody wants the rest any more."""


class StepBoard:
    """Tells steps when to begin; knows what has ended from the records of the Pod."""

    def __init__(self, plan: StepsPlan, records: StepRecords) -> None:
        self.plan, self.records = plan, records
        self.cancelled = asyncio.Event()
        """Set when the Pod is marked as cancelled."""
        self._ready = asyncio.Event()
        self._ended = [asyncio.Event() for _ in plan.steps]
        self._passed = [False for _ in plan.steps]
        for step in plan.steps:
            outcome = records.outcome(step.name)
            if outcome is not None:
                self._mark(step, outcome)

    def observe(self, pod: Pod) -> None:
        """Look at a version of the Pod."""
        if pod.metadata.annotations.get(READY_ANNOTATION):
            self._ready.set()
        if pod.metadata.annotations.get(CANCEL_ANNOTATION):
            self.cancelled.set()

    @property
    def have_all_ended(self) -> bool:
        """Whether nothing more is to come."""
        return all(one.is_set() for one in self._ended)

    async def all_ended(self) -> None:
        """Return when every step has ended."""
        for one in self._ended:
            await one.wait()

    async def turn(self, step: PlannedStep) -> Turn:
        """Return when it is the step's turn, or will never be."""
        before = step.waits_for
        if before is not None and before < len(self._ended):
            await self._ended[before].wait()
            if not self._passed[before]:
                return Turn.SKIP
        elif step.waits_for_ready:
            await first_of(self._ready.wait(), self.cancelled.wait())
        return Turn.CANCEL if self.cancelled.is_set() else Turn.RUN

    def end(self, step: PlannedStep, outcome: StepOutcome) -> None:
        """Tell the steps that wait how this one ended; on disk it is known already."""
        self._mark(step, outcome)

    def _mark(self, step: PlannedStep, outcome: StepOutcome) -> None:
        self._passed[step.index] = outcome.passed
        self._ended[step.index].set()
