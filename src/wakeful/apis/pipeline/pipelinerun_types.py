"""PipelineRun: one execution of a pipeline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import SUCCEEDED, Condition
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apis.core.pod_types import ResourceRequirements
from wakeful.apis.pipeline.legacy_types import PipelineRunLegacy
from wakeful.apis.pipeline.param_types import Param, WhenExpression
from wakeful.apis.pipeline.pipeline_types import PipelineRef, PipelineSpec
from wakeful.apis.pipeline.pod_template_types import PodTemplate, merge_pod_templates
from wakeful.apis.pipeline.provenance_types import Provenance
from wakeful.apis.pipeline.register import (
    GROUP,
    MANAGED_BY,
    PipelineRunReason,
    PipelineRunSpecStatus,
)
from wakeful.apis.pipeline.run_lifecycle import RunStatus
from wakeful.apis.pipeline.scalars import Duration, ParamValue
from wakeful.apis.pipeline.task_types import PipelineTaskMetadata
from wakeful.apis.pipeline.taskrun_types import TaskRunStepSpec
from wakeful.apis.pipeline.workspace_types import WorkspaceBinding


class TimeoutFields(APIModel):
    """How long the whole, its tasks and its final tasks may take; zero is no limit."""

    pipeline: Duration | None = None
    tasks: Duration | None = None
    finally_: Duration | None = Field(default=None, alias="finally")


class PipelineTaskRunTemplate(APIModel):
    """What every task of the run gets."""

    pod_template: PodTemplate | None = None
    service_account_name: str = ""


class PipelineTaskRunSpec(APIModel):
    """What one task of the run gets."""

    pipeline_task_name: str = ""
    service_account_name: str = ""
    pod_template: PodTemplate | None = None
    step_specs: list[TaskRunStepSpec] = Field(default_factory=list)
    sidecar_specs: list[TaskRunStepSpec] = Field(default_factory=list)
    metadata: PipelineTaskMetadata | None = None
    compute_resources: ResourceRequirements | None = None
    timeout: Duration | None = None


class PipelineRunSpec(APIModel):
    """Which pipeline, with what, for how long."""

    pipeline_ref: PipelineRef | None = None
    pipeline_spec: PipelineSpec | None = None
    params: list[Param] = Field(default_factory=list)
    status: str = ""
    """See :class:`.register.PipelineRunSpecStatus`."""
    timeouts: TimeoutFields | None = None
    task_run_template: PipelineTaskRunTemplate = Field(default_factory=PipelineTaskRunTemplate)
    workspaces: list[WorkspaceBinding] = Field(default_factory=list)
    task_run_specs: list[PipelineTaskRunSpec] = Field(default_factory=list)
    managed_by: str | None = None
    legacy: PipelineRunLegacy | None = None
    """PipelineResources of versions before v1."""


class ChildStatusReference(APIModel):
    """A run the pipeline started."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    display_name: str = ""
    pipeline_task_name: str = ""
    when_expressions: list[WhenExpression] = Field(default_factory=list)


class SkippedTask(APIModel):
    """A task that never ran, and why."""

    name: str = ""
    reason: str = ""
    when_expressions: list[WhenExpression] = Field(default_factory=list)


class PipelineRunResult(APIModel):
    """A result of the whole."""

    name: str = ""
    value: ParamValue = ""


class PipelineRunStatus(RunStatus):
    """How a PipelineRun is doing."""

    results: list[PipelineRunResult] = Field(default_factory=list)
    pipeline_spec: PipelineSpec | None = None
    """The pipeline as it is carried out, with the run's parameters filled in."""
    skipped_tasks: list[SkippedTask] = Field(default_factory=list)
    child_references: list[ChildStatusReference] = Field(default_factory=list)
    finally_start_time: Time | None = None
    provenance: Provenance | None = None
    span_context: dict[str, str] = Field(default_factory=dict)

    def mark_failed(self, reason: PipelineRunReason | str, message: str, now: datetime) -> None:
        """It ended without success."""
        self.mark_false(reason, message, now)

    def mark_running(self, reason: PipelineRunReason | str, message: str, now: datetime) -> None:
        """It goes on; ``reason`` says with what."""
        self.mark_unknown(reason, message, now)

    def mark_succeeded(self, reason: PipelineRunReason | str, message: str, now: datetime) -> None:
        """Every task ended well, or was skipped."""
        self.mark_true(reason, message, now)


class PipelineRun(KResource[PipelineRunSpec, PipelineRunStatus]):
    """One execution of a pipeline."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "PipelineRun")

    spec: PipelineRunSpec = Field(default_factory=PipelineRunSpec)
    status: PipelineRunStatus = Field(default_factory=PipelineRunStatus)

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
        """Whether it is or was under way."""
        return self.status.start_time is not None

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to end it at once."""
        return self.spec.status in (
            PipelineRunSpecStatus.CANCELLED,
            PipelineRunSpecStatus.LEGACY_CANCELLED,
        )

    @property
    def is_gracefully_cancelled(self) -> bool:
        """Whether somebody asked to end it, but to run its final tasks."""
        return self.spec.status == PipelineRunSpecStatus.CANCELLED_RUN_FINALLY

    @property
    def is_gracefully_stopped(self) -> bool:
        """Whether somebody asked to start no more tasks, and to run its final ones."""
        return self.spec.status == PipelineRunSpecStatus.STOPPED_RUN_FINALLY

    @property
    def is_pending(self) -> bool:
        """Whether somebody holds it back."""
        return self.spec.status == PipelineRunSpecStatus.PENDING

    @property
    def is_ours(self) -> bool:
        """Whether no other controller was asked to run it."""
        return self.spec.managed_by in (None, MANAGED_BY)

    def pipeline_timeout(self, default: timedelta) -> timedelta:
        """How long the whole may take; zero is no limit."""
        timeouts = self.spec.timeouts
        if timeouts is None or timeouts.pipeline is None:
            return default
        return timeouts.pipeline

    def tasks_timeout(self) -> timedelta | None:
        """How long the tasks may take; None and zero are no limit of their own."""
        timeouts = self.spec.timeouts
        if timeouts is None:
            return None
        return _own_or_rest(timeouts.tasks, timeouts.pipeline, timeouts.finally_)

    def finally_timeout(self) -> timedelta | None:
        """How long the final tasks may take; None and zero are no limit of their own."""
        timeouts = self.spec.timeouts
        if timeouts is None:
            return None
        return _own_or_rest(timeouts.finally_, timeouts.pipeline, timeouts.tasks)

    def task_run_spec(self, pipeline_task: str) -> PipelineTaskRunSpec:
        """What a task of this run gets: its own settings over those for all."""
        template = self.spec.task_run_template
        found = PipelineTaskRunSpec(
            pipeline_task_name=pipeline_task,
            service_account_name=template.service_account_name,
            pod_template=template.pod_template,
        )
        for own in self.spec.task_run_specs:
            if own.pipeline_task_name != pipeline_task:
                continue
            found = own.model_copy(
                update={
                    "service_account_name": own.service_account_name or found.service_account_name,
                    "pod_template": merge_pod_templates(own.pod_template, found.pod_template),
                }
            )
        return found


def _own_or_rest(
    own: timedelta | None, whole: timedelta | None, other: timedelta | None
) -> timedelta | None:
    if own is not None:
        return own
    if not whole or not other:  # not given, or no limit
        return None
    return whole - other
