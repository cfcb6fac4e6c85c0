"""How a PipelineRun is doing: its tasks counted, and the condition that follows."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apimachinery.conditions import FALSE, TRUE, UNKNOWN
from wakeful.apimachinery.duration import format_duration
from wakeful.apis.pipeline import PipelineRunReason, SkippingReason
from wakeful.pipelines.skipping import Skipping
from wakeful.pipelines.state import RunState, TaskState

_TIMED_OUT = (
    SkippingReason.PIPELINE_TIMED_OUT,
    SkippingReason.TASKS_TIMED_OUT,
    SkippingReason.FINALLY_TIMED_OUT,
)
_LONGEST_ERRORS = 1024

Verdict = tuple[str, str, str]
"""Status, reason and message of the condition ``Succeeded``."""


@dataclass(slots=True)
class _Counts:
    succeeded: int = 0
    failed: int = 0
    ignored: int = 0
    cancelled: int = 0
    skipped: int = 0
    skipped_for_time: int = 0
    incomplete: int = 0
    failed_validation: int = 0

    @property
    def completed(self) -> int:
        return self.succeeded + self.failed + self.cancelled + self.ignored


def verdict(state: RunState, skipping: Skipping) -> Verdict:
    """The condition of a run that was not cancelled outright."""
    name, limits = state.run.metadata.name, state.limits
    if state.has_timed_out:
        took = format_duration(limits.pipeline)
        return (
            FALSE,
            PipelineRunReason.TIMED_OUT,
            f'PipelineRun "{name}" failed to finish within "{took}"',
        )
    has_final_left = bool(state.final_states) and not skipping.are_final_tasks_done
    counts = _count(state, skipping)
    if state.have_tasks_timed_out and limits.tasks is not None and not has_final_left:
        took = format_duration(limits.tasks)
        return (
            FALSE,
            PipelineRunReason.TIMED_OUT,
            f'PipelineRun "{name}" failed due to tasks failed to finish within "{took}"',
        )
    if counts.incomplete == 0:
        return _ended(state, counts)
    return UNKNOWN, _running_reason(state, skipping, counts, has_final_left), _running(counts)


def _ended(state: RunState, counts: _Counts) -> Verdict:
    run, message = state.run, _message(state, counts)
    if counts.failed_validation:
        return FALSE, PipelineRunReason.VALIDATION_FAILED, message
    if counts.failed or counts.skipped_for_time:
        return FALSE, PipelineRunReason.FAILED, message
    if run.is_gracefully_cancelled or run.is_gracefully_stopped:
        text = f'PipelineRun "{run.metadata.name}" was cancelled'
        return FALSE, PipelineRunReason.CANCELLED, text
    if counts.cancelled:
        return FALSE, PipelineRunReason.CANCELLED, message
    reason = PipelineRunReason.COMPLETED if counts.skipped else PipelineRunReason.SUCCEEDED
    return TRUE, reason, message


def _running_reason(
    state: RunState, skipping: Skipping, counts: _Counts, has_final_left: bool
) -> PipelineRunReason:
    if state.have_tasks_timed_out and has_final_left:
        return PipelineRunReason.TIMED_OUT_RUNNING_FINALLY
    if state.run.is_gracefully_cancelled:
        return PipelineRunReason.CANCELLED_RUNNING_FINALLY
    if state.run.is_gracefully_stopped:
        return PipelineRunReason.STOPPED_RUNNING_FINALLY
    if counts.cancelled or (counts.failed and skipping.are_final_tasks_done):
        return PipelineRunReason.STOPPING
    return PipelineRunReason.RUNNING


def _running(counts: _Counts) -> str:
    return (
        f"Tasks Completed: {counts.completed} (Failed: {counts.failed},"
        f" Cancelled {counts.cancelled}), Incomplete: {counts.incomplete},"
        f" Skipped: {counts.skipped}"
    )


def _message(state: RunState, counts: _Counts) -> str:
    failed = counts.failed + counts.ignored
    ignored = f" (Ignored: {counts.ignored})" if counts.ignored else ""
    message = (
        f"Tasks Completed: {counts.completed} (Failed: {failed}{ignored},"
        f" Cancelled {counts.cancelled}), Skipped: {counts.skipped}"
    )
    if counts.failed_validation:
        message += f", Failed Validation: {counts.failed_validation}"
        errors = "; ".join(text for _, text in sorted(state.failed_validation.items()))
        if len(errors) > _LONGEST_ERRORS:
            errors = errors[:_LONGEST_ERRORS] + "..."
        message += f" ({errors})" if errors else ""
    return message


def _count(state: RunState, skipping: Skipping) -> _Counts:
    counts = _Counts()
    for task in state.states:
        _count_one(state, skipping, task, counts)
    return counts


def _count_one(state: RunState, skipping: Skipping, task: TaskState, counts: _Counts) -> None:
    if task.is_successful:
        counts.succeeded += 1
    elif task.is_timed_out_by_pipeline:
        counts.failed += 1
    elif task.is_cancelled:
        counts.cancelled += 1
    elif task.is_failure:
        if task.task.continues_on_error:
            counts.ignored += 1
        else:
            counts.failed += 1
    elif task.name in state.failed_validation:
        counts.failed_validation += 1
    else:
        ask = skipping.final_reason if state.is_final(task) else skipping.reason
        reason = ask(task)
        if reason == SkippingReason.NONE:
            counts.incomplete += 1
        else:
            counts.skipped += 1
            counts.skipped_for_time += reason in _TIMED_OUT
