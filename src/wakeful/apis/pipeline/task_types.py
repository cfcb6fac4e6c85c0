"""Task: steps that run in order in one pod. ClusterTask: the same for every namespace."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.core.pod_types import Volume
from wakeful.apis.pipeline.legacy_types import TaskResources
from wakeful.apis.pipeline.param_types import ParamSpec, ResolverRef, TaskResult
from wakeful.apis.pipeline.register import GROUP
from wakeful.apis.pipeline.step_types import Sidecar, Step, StepTemplate
from wakeful.apis.pipeline.workspace_types import WorkspaceDeclaration


class TaskSpec(APIModel):
    """What a task needs, does and yields."""

    display_name: str = ""
    description: str = ""
    params: list[ParamSpec] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)
    volumes: list[Volume] = Field(default_factory=list)
    step_template: StepTemplate | None = None
    sidecars: list[Sidecar] = Field(default_factory=list)
    workspaces: list[WorkspaceDeclaration] = Field(default_factory=list)
    results: list[TaskResult] = Field(default_factory=list)
    legacy: TaskResources | None = None
    """PipelineResources of versions before v1."""


class Task(Object):
    """A recipe that TaskRuns carry out."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "Task")

    spec: TaskSpec = Field(default_factory=TaskSpec)


class ClusterTask(Object):
    """A Task every namespace can refer to."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1beta1", "ClusterTask")

    spec: TaskSpec = Field(default_factory=TaskSpec)


class TaskRef(ResolverRef):
    """A Task, ClusterTask or custom task."""

    name: str = ""
    kind: str = ""
    api_version: str = ""

    @property
    def is_custom(self) -> bool:
        """Whether somebody else's controller runs it: both apiVersion and kind are given."""
        return bool(self.api_version and self.kind)

    @property
    def is_cluster_task(self) -> bool:
        """Whether it names a ClusterTask; kinds ignore case."""
        return not self.api_version and self.kind.lower() == "clustertask"


class PipelineTaskMetadata(APIModel):
    """Labels and annotations for the run of an embedded task."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class EmbeddedTask(TaskSpec):
    """A task written out in a pipeline; with apiVersion and kind, a custom one with any spec."""

    api_version: str = ""
    kind: str = ""
    spec: dict[str, Any] | None = None
    metadata: PipelineTaskMetadata = Field(default_factory=PipelineTaskMetadata)

    @property
    def is_custom(self) -> bool:
        """Whether somebody else's controller runs it."""
        return bool(self.api_version and self.kind)
