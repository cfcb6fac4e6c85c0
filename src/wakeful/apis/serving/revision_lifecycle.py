"""How a Revision's status comes to be: from digests, its Deployment, its pods, its autoscaler."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from pydantic import Field

from wakeful.apimachinery.conditions import (
    CREATION_FAILED,
    READY,
    Condition,
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
)
from wakeful.apimachinery.meta import APIModel

RESOURCES_AVAILABLE = "ResourcesAvailable"
CONTAINER_HEALTHY = "ContainerHealthy"
ACTIVE = "Active"
"""Informational: a Revision scaled to zero is ready all the same."""

REVISION_CONDITIONS = ConditionSet.living(RESOURCES_AVAILABLE, CONTAINER_HEALTHY)


class RevisionReason(StrEnum):
    """Reasons that Serving itself gives."""

    CONTAINER_MISSING = "ContainerMissing"
    RESOLVING_DIGESTS = "ResolvingDigests"
    DEPLOYING = "Deploying"
    NOT_OWNED = "NotOwned"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


class WorkloadCondition(Protocol):
    """A condition of a Deployment."""

    type: str
    status: str
    reason: str
    message: str


class AutoscalerStatus(Protocol):
    """What a Revision reads of its PodAutoscaler's status."""

    service_name: str
    actual_scale: int | None
    desired_scale: int | None

    @property
    def is_scale_target_initialized(self) -> bool:
        """Whether the initial scale was reached once."""
        ...

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type."""
        ...


class ContainerImage(APIModel):
    """The image a container runs, by digest; empty when it runs as written."""

    name: str = ""
    image_digest: str = ""


class RevisionStatus(ConditionedStatus):
    """What became of the Revision."""

    service_name: str = ""
    """Name of the Kubernetes Service in front of its pods."""
    log_url: str = ""
    container_statuses: list[ContainerImage] = Field(default_factory=list)
    init_container_statuses: list[ContainerImage] = Field(default_factory=list)
    actual_replicas: int | None = None
    desired_replicas: int | None = None

    @property
    def _manager(self) -> ConditionManager:
        return REVISION_CONDITIONS.manage(self)

    @property
    def is_unavailable(self) -> bool:
        """Whether something is known to be wrong with its resources or containers."""
        return any(
            found is not None and found.is_false
            for found in map(self.condition, (RESOURCES_AVAILABLE, CONTAINER_HEALTHY))
        )

    def mark_resolving_digests(self) -> None:
        """Registries are being asked what the tags stand for."""
        self._manager.mark_unknown(RESOURCES_AVAILABLE, RevisionReason.RESOLVING_DIGESTS, "")

    def mark_deploying(self) -> None:
        """The Deployment was just created."""
        self._manager.mark_unknown(RESOURCES_AVAILABLE, RevisionReason.DEPLOYING, "")
        self._manager.mark_unknown(CONTAINER_HEALTHY, RevisionReason.DEPLOYING, "")

    def mark_not_owned(self, kind: str, name: str) -> None:
        """Somebody else's object has the name of a child."""
        self._manager.mark_false(
            RESOURCES_AVAILABLE,
            RevisionReason.NOT_OWNED,
            f'There is an existing {kind} "{name}" that we do not own.',
        )

    def mark_container_missing(self, message: str) -> None:
        """An image cannot be had."""
        self._manager.mark_false(CONTAINER_HEALTHY, RevisionReason.CONTAINER_MISSING, message)

    def mark_container_exited(self, exit_code: int, message: str) -> None:
        """A container ended where it should keep running."""
        self._manager.mark_false(
            CONTAINER_HEALTHY, f"ExitCode{exit_code}", exit_message(exit_code, message)
        )

    def mark_container_healthy(self) -> None:
        """At least one pod is ready."""
        self._manager.mark_true(CONTAINER_HEALTHY)

    def mark_resources_unavailable(self, reason: str, message: str) -> None:
        """Pods cannot be scheduled, pulled or created."""
        self._manager.mark_false(RESOURCES_AVAILABLE, reason, message)

    def propagate_deployment(self, conditions: Iterable[WorkloadCondition]) -> None:
        """Copy how the Deployment is getting on."""
        status, reason, message = summarize_deployment(conditions)
        self._manager.copy_from(
            RESOURCES_AVAILABLE, Condition(status=status, reason=reason, message=message)
        )

    def propagate_autoscaler(self, autoscaler: AutoscalerStatus) -> None:
        """Copy what the autoscaler reports: scale, activity, and whether it ever came up."""
        unavailable = self.is_unavailable
        manager = self._manager
        self.actual_replicas = _known(autoscaler.actual_scale)
        self.desired_replicas = _known(autoscaler.desired_scale)
        ready = autoscaler.condition(READY)
        if ready is None:
            manager.mark_unknown(ACTIVE, RevisionReason.DEPLOYING, "")
            if not unavailable:
                manager.mark_unknown(RESOURCES_AVAILABLE, RevisionReason.DEPLOYING, "")
            return
        initialized = autoscaler.is_scale_target_initialized
        if initialized and not unavailable:
            manager.mark_true(RESOURCES_AVAILABLE)
            manager.mark_true(CONTAINER_HEALTHY)
        available = self.condition(RESOURCES_AVAILABLE)
        if (
            available is not None
            and available.is_true
            and not (initialized and autoscaler.service_name)
        ):
            manager.mark_unknown(RESOURCES_AVAILABLE, RevisionReason.DEPLOYING, "")
        if ready.is_false and not initialized and ready.reason == CREATION_FAILED:
            manager.mark_false(RESOURCES_AVAILABLE, ready.reason, ready.message)
        elif ready.is_false and not initialized and not unavailable and autoscaler.service_name:
            # It was scaled to zero before it ever reached its initial scale.
            manager.mark_false(
                RESOURCES_AVAILABLE,
                RevisionReason.PROGRESS_DEADLINE_EXCEEDED,
                "Initial scale was never achieved",
            )
        manager.copy_from(ACTIVE, ready)


def _known(scale: int | None) -> int | None:
    return scale if scale is not None and scale >= 0 else None


def summarize_deployment(conditions: Iterable[WorkloadCondition]) -> tuple[str, str, str]:
    """Fold ``Progressing`` and ``ReplicaFailure`` into one status, reason and message.

    A replica failure speaks over a lack of progress, as the newest False dependent does upstream.
    """
    by_type = {condition.type: condition for condition in conditions}
    failure = by_type.get("ReplicaFailure")
    if failure is not None and failure.status == "True":
        return "False", failure.reason, failure.message
    progressing = by_type.get("Progressing")
    if progressing is None:
        return "Unknown", RevisionReason.DEPLOYING, ""
    if progressing.status == "False":
        return "False", progressing.reason, progressing.message
    if failure is not None and failure.status == "Unknown":
        return "Unknown", failure.reason, failure.message
    if progressing.status == "True":
        return "True", "", ""
    return "Unknown", progressing.reason, progressing.message


def exit_message(exit_code: int, message: str) -> str:
    """How it is told that a container ended."""
    if exit_code == 0 and not message:
        message = "container exited with no error"
    return f"Container failed with: {message}"


def missing_image_message(image: str, message: str) -> str:
    """How an image that cannot be had is reported."""
    return f'Unable to fetch image "{image}": {message}'
