"""CustomRun: a task that somebody else's controller carries out. Run: its name before v1beta1."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.pipeline.param_types import Param
from wakeful.apis.pipeline.pod_template_types import PodTemplate
from wakeful.apis.pipeline.register import GROUP, RUN_CANCELLED
from wakeful.apis.pipeline.run_lifecycle import RunStatus
from wakeful.apis.pipeline.scalars import Duration
from wakeful.apis.pipeline.task_types import PipelineTaskMetadata, TaskRef
from wakeful.apis.pipeline.workspace_types import WorkspaceBinding


class EmbeddedCustomRunSpec(APIModel):
    """A custom task written out."""

    api_version: str = ""
    kind: str = ""
    metadata: PipelineTaskMetadata = Field(default_factory=PipelineTaskMetadata)
    spec: dict[str, Any] | None = None


class _RunSpec(APIModel):
    params: list[Param] = Field(default_factory=list)
    status: str = ""
    """``RunCancelled`` asks to end it."""
    status_message: str = ""
    retries: int = 0
    service_account_name: str = ""
    timeout: Duration | None = None
    workspaces: list[WorkspaceBinding] = Field(default_factory=list)


class CustomRunSpec(_RunSpec):
    """What to run; exactly one of customRef and customSpec is set."""

    custom_ref: TaskRef | None = None
    custom_spec: EmbeddedCustomRunSpec | None = None


class RunSpec(_RunSpec):
    """What to run; exactly one of ref and spec is set."""

    ref: TaskRef | None = None
    spec: EmbeddedCustomRunSpec | None = None
    pod_template: PodTemplate | None = None


class CustomRunResult(APIModel):
    """A result; custom tasks have text only."""

    name: str = ""
    value: str = ""


class CustomRunStatus(RunStatus):
    """What the custom task's controller says of it."""

    results: list[CustomRunResult] = Field(default_factory=list)
    retries_status: list[CustomRunStatus] = Field(default_factory=list)
    extra_fields: dict[str, Any] | None = None


class CustomRun(KResource[CustomRunSpec, CustomRunStatus]):
    """One execution of a custom task."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "CustomRun")

    spec: CustomRunSpec = Field(default_factory=CustomRunSpec)
    status: CustomRunStatus = Field(default_factory=CustomRunStatus)

    @property
    def is_done(self) -> bool:
        """Whether it ended, well or not."""
        return self.status.is_done

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to end it."""
        return self.spec.status == RUN_CANCELLED

    def has_timed_out(self, now: datetime, default: timedelta) -> bool:
        """Whether it took longer than allowed; zero is no limit."""
        timeout = self.spec.timeout if self.spec.timeout is not None else default
        started = self.status.start_time
        return started is not None and bool(timeout) and now - started > timeout


class Run(KResource[RunSpec, CustomRunStatus]):
    """One execution of a custom task, as v1alpha1 had it."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "Run")

    spec: RunSpec = Field(default_factory=RunSpec)
    status: CustomRunStatus = Field(default_factory=CustomRunStatus)
