"""What a PipelineRun is to do next: runs to create and to end, and the status to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wakeful.apimachinery.conditions import UNKNOWN
from wakeful.apis.pipeline import (
    ChildStatusReference,
    Param,
    PipelineRunResult,
    PipelineTask,
    SkippedTask,
    TaskSpec,
    WorkspaceBinding,
)
from wakeful.apis.pipeline.legacy_types import TaskRunResources


@dataclass(frozen=True, slots=True)
class Start:
    """A run to create, owned by the PipelineRun; everything is replaced already.

    Labels, service account, pod template and other settings come from
    ``run.task_run_spec(task.name)``.
    """

    kind: str
    """TaskRun, CustomRun or PipelineRun."""
    name: str
    task: PipelineTask
    params: list[Param]
    workspaces: list[WorkspaceBinding]
    timeout: timedelta | None
    """For the run's spec; None leaves it to the default."""
    is_final: bool
    task_spec: TaskSpec | None = None
    """Of an embedded task, with results of others replaced; else the task's ``task_ref`` counts."""
    resources: TaskRunResources | None = None
    """PipelineResources of pipelines written before v1."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A run to end, by setting ``spec.status`` and ``spec.statusMessage``."""

    kind: str
    name: str
    message: str


@dataclass(slots=True)
class Decision:
    """What to do, and what to say about it."""

    status: str = UNKNOWN
    """Of the condition ``Succeeded``."""
    reason: str = ""
    message: str = ""
    start: list[Start] = field(default_factory=list)
    stop: list[Stop] = field(default_factory=list)
    skipped: list[SkippedTask] = field(default_factory=list)
    children: list[ChildStatusReference] = field(default_factory=list)
    """For the status; has the runs in ``start`` too."""
    results: list[PipelineRunResult] | None = None
    """Of the whole, once it ended."""
    finally_start_time: datetime | None = None
    failed_validation: dict[str, str] = field(default_factory=dict)
    """Tasks that could not start for want of a result; worth an event each."""
    requeue_after: timedelta | None = None
    """When to look again even if nothing happens: a timeout is due."""
