"""How a PodAutoscaler's status comes to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from wakeful.apimachinery.conditions import (
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
    utc_now,
)

ACTIVE = "Active"
"""Requests are, or are about to be, answered by instances."""
SCALE_TARGET_INITIALIZED = "ScaleTargetInitialized"
"""The initial scale was reached once; never taken back."""
SKS_READY = "SKSReady"
"""The ServerlessService can be reached."""

POD_AUTOSCALER_CONDITIONS = ConditionSet.living(ACTIVE, SCALE_TARGET_INITIALIZED, SKS_READY)


class PodAutoscalerStatus(ConditionedStatus):
    """The scale as it is and as it should be."""

    service_name: str = ""
    """The Service that serves the revision, wherever its requests go."""
    metrics_service_name: str = ""
    """The Service of the instances alone."""
    desired_scale: int | None = None
    actual_scale: int | None = None
    at_zero: str = ""
    """While it rests: what is kept of it, in words, or why nothing is that should be."""

    def manage(self, now: Callable[[], datetime] = utc_now) -> ConditionManager:
        """The conditions, to be set."""
        return POD_AUTOSCALER_CONDITIONS.manage(self, now)

    @property
    def is_active(self) -> bool:
        """Enough instances serve."""
        condition = self.condition(ACTIVE)
        return condition is not None and condition.is_true

    @property
    def is_inactive(self) -> bool:
        """Asleep, or on the way there."""
        condition = self.condition(ACTIVE)
        return condition is not None and condition.is_false

    @property
    def is_scale_target_initialized(self) -> bool:
        """The initial scale was reached once."""
        condition = self.condition(SCALE_TARGET_INITIALIZED)
        return condition is not None and condition.is_true

    def mark_active(self) -> None:
        """Enough instances serve."""
        self.manage().mark_true(ACTIVE)

    def mark_activating(self, reason: str, message: str) -> None:
        """Instances are coming up."""
        self.manage().mark_unknown(ACTIVE, reason, message)

    def mark_inactive(self, reason: str, message: str) -> None:
        """Nobody asks, or nothing came up."""
        self.manage().mark_false(ACTIVE, reason, message)

    def mark_scale_target_initialized(self) -> None:
        """The initial scale was reached."""
        self.manage().mark_true(SCALE_TARGET_INITIALIZED)

    def mark_sks_ready(self) -> None:
        """The ServerlessService can be reached."""
        self.manage().mark_true(SKS_READY)

    def mark_sks_not_ready(self, message: str) -> None:
        """The ServerlessService cannot be reached yet."""
        self.manage().mark_unknown(SKS_READY, "NotReady", message)

    def mark_sks_failed(self, reason: str, message: str) -> None:
        """There can be no ServerlessService, or none that works."""
        self.manage().mark_false(SKS_READY, reason, message)

    def mark_resource_not_owned(self, kind: str, name: str) -> None:
        """A child's name is taken by somebody else."""
        self.mark_inactive("NotOwned", f'There is an existing {kind} "{name}" that we do not own.')

    def mark_resource_failed_creation(self, kind: str, name: str) -> None:
        """A child could not be created."""
        self.mark_inactive("FailedCreate", f'Failed to create {kind} "{name}".')
