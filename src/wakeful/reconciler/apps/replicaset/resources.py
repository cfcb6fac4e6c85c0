"""How a replica set counts its pods, and which of them go first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from wakeful.apimachinery.statusconditions import set_status_condition
from wakeful.apis.apps import ReplicaSet, ReplicaSetStatus
from wakeful.apis.apps.replicaset_types import REPLICA_FAILURE, WorkloadCondition
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import POD_READY

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 1.0, 60.0
_EPOCH = datetime.fromtimestamp(0, UTC)


def rank_for_deletion(pods: Sequence[Pod]) -> list[Pod]:
    """Order pods so that those go first whose loss hurts least.

    Not placed before placed, pending before running, not ready before ready; then the cheaper by
    annotation, the shorter ready, the more often restarted, the younger.
    """
    return sorted(pods, key=_deletion_key)


def _deletion_key(pod: Pod) -> tuple[bool, int, bool, int, float, int, float]:
    restarts = max((s.restart_count or 0 for s in pod.status.container_statuses), default=0)
    return (
        bool(pod.spec.node_name),
        _PHASES.get(pod.status.phase, 2),
        pod.is_ready,
        _deletion_cost(pod),
        -_ready_since(pod).timestamp(),
        -restarts,
        -(pod.metadata.creation_timestamp or _EPOCH).timestamp(),
    )


def _deletion_cost(pod: Pod) -> int:
    try:
        return int(pod.metadata.annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _ready_since(pod: Pod) -> datetime:
    ready = pod.status.condition(POD_READY)
    if ready is None or ready.status != "True" or ready.last_transition_time is None:
        return _EPOCH
    return ready.last_transition_time


def seconds_until_available(pod: Pod, min_ready_seconds: int, now: datetime) -> float | None:
    """0 when the pod is available, None when it is not ready, else how long it has to stay so."""
    if not pod.is_ready:
        return None
    if not min_ready_seconds:
        return 0
    due = _ready_since(pod) + timedelta(seconds=min_ready_seconds)
    return max(0.0, (due - now).total_seconds())


def update_status(
    status: ReplicaSetStatus, owner: ReplicaSet, pods: Sequence[Pod], now: datetime
) -> float | None:
    """Count pods into ``status``; return the seconds until another one becomes available."""
    waits = [seconds_until_available(p, owner.spec.min_ready_seconds, now) for p in pods]
    labels = owner.spec.template.metadata.labels.items()
    status.replicas = len(pods)
    status.fully_labeled_replicas = sum(labels <= p.metadata.labels.items() for p in pods)
    status.ready_replicas = sum(wait is not None for wait in waits)
    status.available_replicas = sum(wait == 0 for wait in waits)
    status.observed_generation = owner.metadata.generation
    return min((wait for wait in waits if wait), default=None)


def seconds_until_retry(status: ReplicaSetStatus, now: datetime) -> float:
    """How long to leave a failure alone: as long as it has lasted, within bounds."""
    failure = status.condition(REPLICA_FAILURE)
    since = failure.last_transition_time if failure is not None else None
    lasted = (now - since).total_seconds() if since is not None else 0.0
    return min(max(lasted, _FIRST_RETRY_SECONDS), _LAST_RETRY_SECONDS)


def set_failure(status: ReplicaSetStatus, reason: str, message: str, now: datetime) -> None:
    """Say that pods could not be made or deleted; no reason: that they could.

    What was said first stays, as in Kubernetes: messages name the Pod, which has another name at
    each attempt, and a status that changes with each attempt would bring the next one at once.
    """
    have = status.condition(REPLICA_FAILURE)
    if not reason:
        if have is not None:
            status.conditions = [c for c in status.conditions if c.type != REPLICA_FAILURE]
        return
    if have is not None and have.reason == reason:
        return
    new = WorkloadCondition(
        type=REPLICA_FAILURE,
        status="True",
        last_transition_time=now,
        reason=reason,
        message=message,
    )
    status.conditions = set_status_condition(status.conditions, new)
