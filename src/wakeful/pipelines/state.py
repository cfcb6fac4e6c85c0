"""The state of a PipelineRun: its tasks, and the runs they have so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wakeful.apis.pipeline import (
    CustomRun,
    CustomRunReason,
    PipelineRun,
    PipelineTask,
    TaskRun,
    TaskRunReason,
    TaskSpec,
)
from wakeful.apis.pipeline.graph import Graph
from wakeful.apis.pipeline.register import TIMED_OUT_BY_PIPELINE

Child = TaskRun | CustomRun | PipelineRun
TASK_RUN, CUSTOM_RUN, PIPELINE_RUN = "TaskRun", "CustomRun", "PipelineRun"


@dataclass(slots=True)
class TaskState:
    """One task of a pipeline and its runs, in the order of the matrix's rows.

    ``task`` has the run's parameters and contexts replaced, but not yet results of other tasks.
    ``spec`` is the Task it refers to or embeds; None for custom tasks and child pipelines.
    ``children`` are the runs that exist; a run that was created but has vanished is not among them.
    """

    task: PipelineTask
    spec: TaskSpec | None = None
    children: Sequence[Child] = ()
    task_name: str = ""
    """Name of the Task referred to, for ``$(context.task.name)``; empty for embedded ones."""

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task.name

    @property
    def kind(self) -> str:
        """What carries it out: TaskRun, CustomRun or PipelineRun."""
        if self.task.is_child_pipeline:
            return PIPELINE_RUN
        return CUSTOM_RUN if self.task.is_custom else TASK_RUN

    @property
    def is_scheduled(self) -> bool:
        """Whether it has a run."""
        return bool(self.children)

    @property
    def is_successful(self) -> bool:
        """Whether it has runs and all of them ended well."""
        return bool(self.children) and all(c.status.is_successful for c in self.children)

    @property
    def any_failed(self) -> bool:
        """Whether one of its runs ended badly."""
        return any(c.status.is_failed for c in self.children)

    @property
    def is_ended(self) -> bool:
        """Whether it has runs and all of them ended."""
        return bool(self.children) and all(c.status.is_done for c in self.children)

    @property
    def is_failure(self) -> bool:
        """Whether all of its runs ended, and one badly."""
        return self.is_ended and self.any_failed

    @property
    def is_running(self) -> bool:
        """Whether it has runs of which not all ended."""
        return bool(self.children) and not self.is_ended

    @property
    def is_cancelled(self) -> bool:
        """Whether all ended and one was cancelled."""
        return self.is_ended and any(_was_cancelled(c) for c in self.children)

    @property
    def is_timed_out_by_pipeline(self) -> bool:
        """Whether all ended and one was cancelled because the pipeline ran out of time."""
        message = TIMED_OUT_BY_PIPELINE.format(kind=self.kind)
        return self.is_ended and any(
            _was_cancelled(c) and getattr(c.spec, "status_message", "") == message
            for c in self.children
        )

    @property
    def reason(self) -> str:
        """Reason of the first run that did not end well, else of the first."""
        runs = [c for c in self.children if c.status.conditions]
        bad = [c for c in runs if not c.status.is_successful]
        chosen = (bad or runs)[:1]
        return chosen[0].status.reason if chosen else ""


def _was_cancelled(child: Child) -> bool:
    return child.status.is_failed and child.status.reason in (
        TaskRunReason.CANCELLED,
        CustomRunReason.CANCELLED,
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a run and its parts may take; None is no limit of their own, zero no limit."""

    pipeline: timedelta
    tasks: timedelta | None = None
    finally_: timedelta | None = None
    default: timedelta = timedelta(hours=1)
    """Timeout of tasks that do not say."""


@dataclass(slots=True)
class RunState:
    """Everything a decision about a PipelineRun is made of.

    ``states`` are all tasks, final ones last; ``graph`` has those that are not final.
    """

    run: PipelineRun
    states: Sequence[TaskState]
    graph: Graph
    limits: Limits
    now: datetime
    failed_validation: dict[str, str] = field(default_factory=dict)
    """Tasks that cannot run because a result they need was never written, and the sentence."""

    @property
    def by_name(self) -> Mapping[str, TaskState]:
        """Tasks by name."""
        return {s.name: s for s in self.states}

    def is_final(self, state: TaskState) -> bool:
        """Whether a task is one of ``finally``."""
        return state.name not in self.graph

    @property
    def dag_states(self) -> list[TaskState]:
        """Tasks that are not final."""
        return [s for s in self.states if s.name in self.graph]

    @property
    def final_states(self) -> list[TaskState]:
        """Final tasks."""
        return [s for s in self.states if s.name not in self.graph]

    @property
    def has_timed_out(self) -> bool:
        """Whether the whole took too long."""
        return self.exceeds(self.run.status.start_time, self.limits.pipeline)

    @property
    def have_tasks_timed_out(self) -> bool:
        """Whether the tasks took too long."""
        return self.exceeds(self.run.status.start_time, self.limits.tasks)

    @property
    def has_finally_timed_out(self) -> bool:
        """Whether the final tasks took too long."""
        return self.exceeds(self.run.status.finally_start_time, self.limits.finally_)

    def exceeds(self, start: datetime | None, limit: timedelta | None) -> bool:
        """Whether more than ``limit`` has passed since ``start``."""
        return start is not None and bool(limit) and self.now - start > (limit or timedelta())

    @property
    def is_stopping(self) -> bool:
        """Whether a task failed whose failure stops the pipeline."""
        return any(
            (s.is_failure or s.name in self.failed_validation) and not s.task.continues_on_error
            for s in self.dag_states
        )
