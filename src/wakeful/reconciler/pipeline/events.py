"""What ``kubectl describe`` tells of a run: one event for each turn of its condition."""

from __future__ import annotations

from wakeful.apimachinery.conditions import SUCCEEDED, Condition
from wakeful.apis.pipeline import PipelineRun, TaskRun
from wakeful.controller import EventRecorder

_QUIET = frozenset(("Started", "Pending"))
"""Reasons that pass by in no time and say nothing."""


def emit(recorder: EventRecorder, before: Condition | None, run: TaskRun | PipelineRun) -> None:
    """Tell of a change of the run's condition since ``before``."""
    after = run.status.condition(SUCCEEDED)
    if after is None:
        return
    if before is None:
        recorder.normal(run, "Started", "")
    if before is not None and (before.status, before.reason) == (after.status, after.reason):
        return
    if after.is_true:
        recorder.normal(run, "Succeeded", after.message)
    elif after.is_false:
        recorder.warning(run, "Failed", after.message)
    elif after.reason not in _QUIET:
        recorder.normal(run, after.reason, after.message)
