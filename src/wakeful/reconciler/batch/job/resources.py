"""How a job's status tells of its end. Pure."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.batch import JobStatus
from wakeful.apis.batch.job_types import (
    COMPLETE,
    FAILED,
    FAILURE_TARGET,
    SUCCESS_CRITERIA_MET,
    SUSPENDED,
    JobCondition,
)
from wakeful.reconciler.batch.job.plan import Outcome


def mark_finished(status: JobStatus, outcome: Outcome, now: datetime) -> None:
    """Say how it ended: first why, then that."""
    if outcome.is_success:
        status.completion_time = now
    kinds = (SUCCESS_CRITERIA_MET, COMPLETE) if outcome.is_success else (FAILURE_TARGET, FAILED)
    for kind in kinds:
        set_condition(status, kind, "True", outcome.reason, outcome.message, now)


def mark_suspended(status: JobStatus, *, suspended: bool, now: datetime) -> bool:
    """Say whether it rests; returns whether that is news."""
    have = status.condition(SUSPENDED)
    if suspended == (have is not None and have.status == "True"):
        return False
    if suspended:
        set_condition(status, SUSPENDED, "True", "JobSuspended", "Job suspended", now)
    elif have is not None:
        set_condition(status, SUSPENDED, "False", "JobResumed", "Job resumed", now)
    return True


def set_condition(
    status: JobStatus, kind: str, value: str, reason: str, message: str, now: datetime
) -> None:
    """Set a condition."""
    new = JobCondition(
        type=kind,
        status=value,
        last_probe_time=now,
        last_transition_time=now,
        reason=reason,
        message=message,
    )
    status.conditions = set_status_condition(status.conditions, new)
