"""A deployment's status: counts, availability, and whether the rollout gets on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.apps import Deployment, DeploymentStatus, ReplicaSet
from wakeful.apis.apps.deployment_types import AVAILABLE, PROGRESSING
from wakeful.apis.apps.replicaset_types import REPLICA_FAILURE, WorkloadCondition
from wakeful.reconciler.apps.deployment.rollout import available, bounds_of, size

NEW_REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
_NO_DEADLINE = 2**31 - 1


def update_status(
    deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], now: datetime
) -> float | None:
    """Bring the status up to date; return the seconds until the rollout counts as stuck."""
    status = deployment.status
    before = status.deep_copy()
    _count(deployment, new, old)
    _set_available(deployment, now)
    _set_failure(status, [*([new] if new is not None else []), *old], now)
    if deployment.spec.paused:
        return None
    return _set_progressing(deployment, new, before, now)


def _count(deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> None:
    everything = [*([new] if new is not None else []), *old]
    status = deployment.status
    status.observed_generation = deployment.metadata.generation
    status.replicas = sum(f.status.replicas or 0 for f in everything)
    status.updated_replicas = (new.status.replicas or 0) if new is not None else 0
    status.ready_replicas = sum(f.status.ready_replicas for f in everything)
    status.available_replicas = sum(map(available, everything))
    asked = sum(map(size, everything))
    status.unavailable_replicas = max(0, asked - status.available_replicas)


def _set_available(deployment: Deployment, now: datetime) -> None:
    least = (deployment.spec.replicas or 0) - bounds_of(deployment).unavailable
    if deployment.status.available_replicas >= least:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
        set_condition(deployment.status, AVAILABLE, "True", reason, message, now)
    else:
        reason = "MinimumReplicasUnavailable"
        message = "Deployment does not have minimum availability."
        set_condition(deployment.status, AVAILABLE, "False", reason, message, now)


def _set_failure(status: DeploymentStatus, sets: Sequence[ReplicaSet], now: datetime) -> None:
    failures = (f.status.condition(REPLICA_FAILURE) for f in sets)
    failure = next((c for c in failures if c is not None), None)
    if failure is None:
        status.conditions = [c for c in status.conditions if c.type != REPLICA_FAILURE]
        return
    reason, message = failure.reason, failure.message
    set_condition(status, REPLICA_FAILURE, failure.status, reason, message, now)


def is_complete(deployment: Deployment) -> bool:
    """Whether every pod is of the present template and available."""
    wanted, status = deployment.spec.replicas or 0, deployment.status
    return (
        status.updated_replicas == wanted
        and status.replicas == wanted
        and status.available_replicas == wanted
    )


def has_deadline(deployment: Deployment) -> bool:
    """Whether progress is watched at all."""
    return deployment.spec.progress_deadline_seconds not in (None, _NO_DEADLINE)


def _set_progressing(
    deployment: Deployment, new: ReplicaSet | None, before: DeploymentStatus, now: datetime
) -> float | None:
    status = deployment.status
    if not has_deadline(deployment):
        status.conditions = [c for c in status.conditions if c.type != PROGRESSING]
        return None
    have = status.condition(PROGRESSING)
    about = (
        f'ReplicaSet "{new.metadata.name}"'
        if new is not None
        else (f'Deployment "{deployment.metadata.name}"')
    )
    settled = status.replicas == status.updated_replicas and (
        have is not None and have.reason == NEW_REPLICA_SET_AVAILABLE
    )
    if settled:
        return None
    if is_complete(deployment):
        message = f"{about} has successfully progressed."
        set_condition(status, PROGRESSING, "True", NEW_REPLICA_SET_AVAILABLE, message, now)
        return None
    if _advanced(before, status):
        message = f"{about} is progressing."
        set_condition(status, PROGRESSING, "True", "ReplicaSetUpdated", message, now, renew=True)
    have = status.condition(PROGRESSING)
    if have is None or have.reason in (NEW_REPLICA_SET_AVAILABLE, PROGRESS_DEADLINE_EXCEEDED):
        return None
    since = have.last_update_time or now
    left = (since + timedelta(seconds=deployment.spec.progress_deadline_seconds or 0)) - now
    if left.total_seconds() > 0:
        return left.total_seconds()
    message = f"{about} has timed out progressing."
    set_condition(status, PROGRESSING, "False", PROGRESS_DEADLINE_EXCEEDED, message, now)
    return None


def _advanced(before: DeploymentStatus, after: DeploymentStatus) -> bool:
    return (
        after.updated_replicas > before.updated_replicas
        or after.replicas - after.updated_replicas < before.replicas - before.updated_replicas
        or after.ready_replicas > before.ready_replicas
        or after.available_replicas > before.available_replicas
    )


def set_condition(
    status: DeploymentStatus,
    kind: str,
    value: str,
    reason: str,
    message: str,
    now: datetime,
    *,
    renew: bool = False,
) -> None:
    """Set a condition; the same status and reason leave it alone unless it is to be renewed."""
    have = status.condition(kind)
    if have is not None and (have.status, have.reason) == (value, reason) and not renew:
        return
    new = WorkloadCondition(
        type=kind,
        status=value,
        last_update_time=now,
        last_transition_time=now,
        reason=reason,
        message=message,
    )
    status.conditions = set_status_condition(status.conditions, new)
