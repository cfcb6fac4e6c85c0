"""TaskRun: one execution of a task."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import SUCCEEDED, Condition
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.pod_types import ContainerState, ResourceRequirements
from wakeful.apis.pipeline.legacy_types import (
    CloudEventDelivery,
    PipelineResourceResult,
    TaskRunResources,
)
from wakeful.apis.pipeline.param_types import Param, ResultValue
from wakeful.apis.pipeline.pod_template_types import PodTemplate
from wakeful.apis.pipeline.provenance_types import Artifact, Artifacts, Provenance
from wakeful.apis.pipeline.register import GROUP, MANAGED_BY, TaskRunReason, TaskRunSpecStatus
from wakeful.apis.pipeline.run_lifecycle import RunStatus
from wakeful.apis.pipeline.scalars import Duration
from wakeful.apis.pipeline.task_types import TaskRef, TaskSpec
from wakeful.apis.pipeline.workspace_types import WorkspaceBinding


class TaskBreakpoints(APIModel):
    """Where a run waits for somebody to look."""

    on_failure: str = ""
    """``enabled`` or nothing."""
    before_steps: list[str] = Field(default_factory=list)


class TaskRunDebug(APIModel):
    """Settings for debugging."""

    breakpoints: TaskBreakpoints | None = None


class TaskRunStepSpec(APIModel):
    """Resources of one step (or sidecar) in this run."""

    name: str = ""
    compute_resources: ResourceRequirements = Field(default_factory=ResourceRequirements)


class TaskRunSpec(APIModel):
    """What to run, with what, for how long."""

    debug: TaskRunDebug | None = None
    params: list[Param] = Field(default_factory=list)
    service_account_name: str = ""
    task_ref: TaskRef | None = None
    task_spec: TaskSpec | None = None
    status: str = ""
    """``TaskRunCancelled`` ends it, ``TaskRunPending`` holds it back."""
    status_message: str = ""
    retries: int = 0
    timeout: Duration | None = None
    """Of each attempt; zero is no limit."""
    pod_template: PodTemplate | None = None
    workspaces: list[WorkspaceBinding] = Field(default_factory=list)
    step_specs: list[TaskRunStepSpec] = Field(default_factory=list)
    sidecar_specs: list[TaskRunStepSpec] = Field(default_factory=list)
    compute_resources: ResourceRequirements | None = None
    managed_by: str | None = None
    legacy: TaskRunResources | None = None
    """PipelineResources of versions before v1."""


class StepState(ContainerState):
    """How one step is doing."""

    name: str = ""
    container: str = ""
    image_id: str = Field(default="", alias="imageID")
    results: list[ResultValue] = Field(default_factory=list)
    provenance: Provenance | None = None
    termination_reason: str = ""
    """``Completed``, ``Error``, ``Skipped``, ``Continued``, ``TimeoutExceeded``, ``Cancelled``."""
    inputs: list[Artifact] = Field(default_factory=list)
    outputs: list[Artifact] = Field(default_factory=list)


class SidecarState(ContainerState):
    """How one sidecar is doing."""

    name: str = ""
    container: str = ""
    image_id: str = Field(default="", alias="imageID")


class TaskRunStatus(RunStatus):
    """How a TaskRun is doing."""

    pod_name: str = ""
    steps: list[StepState] = Field(default_factory=list)
    retries_status: list[TaskRunStatus] = Field(default_factory=list)
    """Attempts that failed, oldest first."""
    results: list[ResultValue] = Field(default_factory=list)
    artifacts: Artifacts | None = None
    sidecars: list[SidecarState] = Field(default_factory=list)
    task_spec: TaskSpec | None = None
    """The task as it is carried out, with every variable replaced."""
    provenance: Provenance | None = None
    span_context: dict[str, str] = Field(default_factory=dict)
    cloud_events: list[CloudEventDelivery] = Field(default_factory=list)
    resources_result: list[PipelineResourceResult] = Field(default_factory=list)

    def mark_failed(self, reason: TaskRunReason | str, message: str, now: datetime) -> None:
        """It ended without success."""
        self.mark_false(reason, message, now)

    def mark_running(self, reason: TaskRunReason | str, message: str, now: datetime) -> None:
        """It goes on; ``reason`` says with what."""
        self.mark_unknown(reason, message, now)

    def mark_succeeded(self, message: str, now: datetime) -> None:
        """Every step ended well."""
        self.mark_true(TaskRunReason.SUCCEEDED, message, now)


class TaskRun(KResource[TaskRunSpec, TaskRunStatus]):
    """One execution of a task."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "TaskRun")

    spec: TaskRunSpec = Field(default_factory=TaskRunSpec)
    status: TaskRunStatus = Field(default_factory=TaskRunStatus)

    @property
    def succeeded(self) -> Condition | None:
        """The one condition that matters."""
        return self.status.condition(SUCCEEDED)

    @property
    def is_done(self) -> bool:
        """Whether it ended, well or not."""
        return self.status.is_done

    @property
    def has_started(self) -> bool:
        """Whether an attempt is or was under way."""
        return self.status.start_time is not None

    @property
    def is_successful(self) -> bool:
        """Whether it ended well."""
        return self.status.is_successful

    @property
    def is_failed(self) -> bool:
        """Whether it ended badly."""
        return self.status.is_failed

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to end it."""
        return self.spec.status == TaskRunSpecStatus.CANCELLED

    @property
    def is_pending(self) -> bool:
        """Whether somebody holds it back."""
        return self.spec.status == TaskRunSpecStatus.PENDING

    @property
    def is_ours(self) -> bool:
        """Whether no other controller was asked to run it."""
        return self.spec.managed_by in (None, MANAGED_BY)

    @property
    def is_retriable(self) -> bool:
        """Whether another attempt is left."""
        return len(self.status.retries_status) < self.spec.retries

    def has_timed_out(self, now: datetime, default: timedelta) -> bool:
        """Whether this attempt took longer than allowed; ``default`` is for runs that do not say.

        Zero is no limit.
        """
        timeout = self.spec.timeout if self.spec.timeout is not None else default
        started = self.status.start_time
        return started is not None and bool(timeout) and now - started > timeout
