"""What a job should do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wakeful.apis.batch import Job
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PodPhase

_FIRST_DELAY, _LONGEST_DELAY = timedelta(seconds=10), timedelta(minutes=6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended, as its conditions say."""

    is_success: bool
    reason: str
    message: str


@dataclass(slots=True)
class Plan:
    """The next step: pods to make and to delete, or the end."""

    succeeded: int
    failed: int
    create: int = 0
    delete: list[Pod] = field(default_factory=list)
    outcome: Outcome | None = None
    wait_seconds: float | None = None
    """When to look again although nothing changed."""


def plan_job(job: Job, pods: Sequence[Pod], pending: int, now: datetime) -> Plan:
    """Decide from the job, its pods and the number of pods on their way."""
    active = [pod for pod in pods if pod.is_active]
    plan = Plan(
        succeeded=max(job.status.succeeded, _count(pods, PodPhase.SUCCEEDED)),
        failed=max(job.status.failed, _count(pods, PodPhase.FAILED)),
    )
    plan.outcome = _outcome(job, pods, active, plan, now)
    if plan.outcome is not None or job.spec.suspend:
        plan.delete = active
        return plan
    wanted = _wanted(job, plan.succeeded, len(active))
    missing = wanted - len(active) - pending
    if missing < 0:
        plan.delete = sorted(active, key=lambda p: p.is_ready)[:-missing] if not pending else []
    elif missing > 0:
        delay = _delay(plan.failed, pods, now)
        if delay > 0:
            plan.wait_seconds = delay
        else:
            plan.create = missing
    if (left := _seconds_left(job, now)) is not None:
        plan.wait_seconds = min(left, plan.wait_seconds or left)
    return plan


def _count(pods: Sequence[Pod], phase: PodPhase) -> int:
    return sum(pod.status.phase == phase for pod in pods)


def _wanted(job: Job, succeeded: int, active: int) -> int:
    parallelism = job.spec.parallelism if job.spec.parallelism is not None else 1
    if job.spec.completions is None:
        return active if succeeded else parallelism
    return max(0, min(parallelism, job.spec.completions - succeeded))


def _outcome(
    job: Job, pods: Sequence[Pod], active: Sequence[Pod], plan: Plan, now: datetime
) -> Outcome | None:
    if job.spec.completion_mode == "Indexed":
        return Outcome(False, "NotSupported", "completionMode Indexed is not supported here")
    completions = job.spec.completions
    if completions is None:
        if plan.succeeded and not active:
            return _reached()
    elif plan.succeeded >= completions:
        return _reached()
    limit = job.spec.backoff_limit if job.spec.backoff_limit is not None else 6
    if plan.failed > limit or _restarts(job, pods) > limit:
        message = "Job has reached the specified backoff limit"
        return Outcome(False, "BackoffLimitExceeded", message)
    left = _seconds_left(job, now)
    if left is not None and left <= 0:
        message = "Job was active longer than specified deadline"
        return Outcome(False, "DeadlineExceeded", message)
    return None


def _reached() -> Outcome:
    message = "Reached expected number of succeeded pods"
    return Outcome(True, "CompletionsReached", message)


def _restarts(job: Job, pods: Sequence[Pod]) -> int:
    if job.spec.template.spec.restart_policy != "OnFailure":
        return 0
    alive = [pod for pod in pods if pod.status.phase in (PodPhase.RUNNING, PodPhase.PENDING)]
    return sum(
        status.restart_count or 0
        for pod in alive
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    )


def _seconds_left(job: Job, now: datetime) -> float | None:
    deadline, start = job.spec.active_deadline_seconds, job.status.start_time
    if deadline is None or start is None:
        return None
    return (start + timedelta(seconds=deadline) - now).total_seconds()


def _delay(failed: int, pods: Sequence[Pod], now: datetime) -> float:
    """Seconds until a failed pod may be followed by another: 10, 20, 40 …, at most 360."""
    ends = [_ended(pod) for pod in pods if pod.status.phase == PodPhase.FAILED]
    last = max((end for end in ends if end is not None), default=None)
    if not failed or last is None:
        return 0
    delay = min(_FIRST_DELAY * (1 << min(failed - 1, 10)), _LONGEST_DELAY)
    return (last + delay - now).total_seconds()


def _ended(pod: Pod) -> datetime | None:
    ends = [
        status.state.terminated.finished_at
        for status in pod.status.container_statuses
        if status.state is not None and status.state.terminated is not None
    ]
    return max((end for end in ends if end is not None), default=None)
