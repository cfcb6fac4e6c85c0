"""Pipeline: tasks, and in which order they run."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, Object
from wakeful.apis.pipeline.legacy_types import PipelineLegacy, PipelineTaskLegacy
from wakeful.apis.pipeline.param_types import Matrix, Param, ParamSpec, ResolverRef, WhenExpression
from wakeful.apis.pipeline.register import CONTINUE, GROUP
from wakeful.apis.pipeline.scalars import Duration, ParamValue
from wakeful.apis.pipeline.task_types import EmbeddedTask, TaskRef
from wakeful.apis.pipeline.workspace_types import (
    PipelineWorkspaceDeclaration,
    WorkspacePipelineTaskBinding,
)


class PipelineResult(APIModel):
    """A result of the whole, made from results of its tasks."""

    name: str = ""
    type: str = ""
    description: str = ""
    value: ParamValue = ""


class PipelineRef(ResolverRef):
    """A Pipeline, by name or through a resolver."""

    name: str = ""
    api_version: str = ""


class PipelineTask(APIModel):
    """One node of the graph: a task (or pipeline), what it gets, and when it runs."""

    name: str = ""
    display_name: str = ""
    description: str = ""
    task_ref: TaskRef | None = None
    task_spec: EmbeddedTask | None = None
    pipeline_ref: PipelineRef | None = None
    pipeline_spec: PipelineSpec | None = None
    when: list[WhenExpression] = Field(default_factory=list)
    retries: int = 0
    run_after: list[str] = Field(default_factory=list)
    params: list[Param] = Field(default_factory=list)
    matrix: Matrix | None = None
    workspaces: list[WorkspacePipelineTaskBinding] = Field(default_factory=list)
    timeout: Duration | None = None
    on_error: str = ""
    """``continue``: a failure does not stop the pipeline."""
    legacy: PipelineTaskLegacy | None = None
    """Resources and conditions of versions before v1."""

    @property
    def is_matrixed(self) -> bool:
        """Whether it fans out."""
        return self.matrix is not None and bool(self.matrix.params or self.matrix.include)

    @property
    def is_custom(self) -> bool:
        """Whether a CustomRun carries it out."""
        return (self.task_ref is not None and self.task_ref.is_custom) or (
            self.task_spec is not None and self.task_spec.is_custom
        )

    @property
    def is_child_pipeline(self) -> bool:
        """Whether a PipelineRun carries it out."""
        return self.pipeline_ref is not None or self.pipeline_spec is not None

    @property
    def continues_on_error(self) -> bool:
        """Whether the pipeline goes on when it fails."""
        return self.on_error == CONTINUE


class PipelineSpec(APIModel):
    """The graph, what it needs and what it yields."""

    display_name: str = ""
    description: str = ""
    tasks: list[PipelineTask] = Field(default_factory=list)
    params: list[ParamSpec] = Field(default_factory=list)
    workspaces: list[PipelineWorkspaceDeclaration] = Field(default_factory=list)
    results: list[PipelineResult] = Field(default_factory=list)
    finally_: list[PipelineTask] = Field(default_factory=list, alias="finally")
    """Tasks that run when all others have ended, however they did."""
    legacy: PipelineLegacy | None = None
    """PipelineResources of versions before v1."""

    def task(self, name: str) -> PipelineTask | None:
        """The task of that name, of ``finally`` too."""
        return next((t for t in (*self.tasks, *self.finally_) if t.name == name), None)


class Pipeline(Object):
    """A recipe that PipelineRuns carry out."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "Pipeline")

    spec: PipelineSpec = Field(default_factory=PipelineSpec)


PipelineTask.model_rebuild()
