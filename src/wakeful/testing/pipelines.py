"""Short ways to say what a pipeline is and how its runs are doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from wakeful.apis.pipeline import (
    CustomRun,
    PipelineRun,
    PipelineSpec,
    ResultValue,
    TaskRun,
    TaskSpec,
    type_of,
)
from wakeful.apis.pipeline.admission import Settings
from wakeful.apis.pipeline.customrun_types import CustomRunResult
from wakeful.apis.pipeline.task_defaults import set_pipeline_spec_defaults
from wakeful.pipelines import prepare
from wakeful.pipelines.decision import Decision, Start
from wakeful.pipelines.scheduling import decide
from wakeful.pipelines.state import Child, RunState, TaskState

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def read(text: str) -> Any:
    """YAML as data."""
    return yaml.safe_load(text)


@dataclass
class Play:
    """One PipelineRun played move by move: what is started ends as the test says."""

    run: PipelineRun
    spec: PipelineSpec
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict)
    now: datetime = NOW
    children: dict[str, list[Child]] = field(default_factory=dict)

    def look(self) -> Decision:
        """Look at the run, and note what the decision starts and says."""
        graph = prepare.graph_of(self.run, self.spec)
        prepare.check_pipeline_run(self.run, self.spec, "p")
        resolved = prepare.resolve_pipeline(self.run, self.spec, "p")
        states = [
            TaskState(task, self._task(task), self.children.get(task.name, []))
            for task in (*resolved.tasks, *resolved.finally_)
        ]
        if not self.children:
            prepare.check_tasks(self.run, resolved, states)
        self.run.status.pipeline_spec = resolved
        limits = prepare.limits_of(self.run, HOUR)
        decision = decide(RunState(self.run, states, graph, limits, self.now))
        for start in decision.start:
            self.children.setdefault(start.task.name, []).append(self._child(start))
        status = self.run.status
        status.child_references, status.skipped_tasks = decision.children, decision.skipped
        status.finally_start_time = decision.finally_start_time
        return decision

    def starts(self) -> list[str]:
        """Look, and return the names of the tasks that are started."""
        return [start.task.name for start in self.look().start]

    def succeed(self, task: str, row: int = 0, **results: Any) -> None:
        """End a task's run well."""
        child = self.children[task][row]
        if isinstance(child, CustomRun):
            child.status.results = [CustomRunResult(name=k, value=v) for k, v in results.items()]
        elif isinstance(child, TaskRun):
            child.status.results = [
                ResultValue(name=k, type=type_of(v), value=v) for k, v in results.items()
            ]
        child.status.mark_true("Succeeded", "", self.now)

    def fail(self, task: str, row: int = 0, reason: str = "StepFailed", **results: Any) -> None:
        """End a task's run badly; it may have written results before."""
        self.succeed(task, row, **results)
        child = self.children[task][row]
        child.status.mark_false(reason, "", self.now)

    def stopped(self, decision: Decision) -> None:
        """Do what the decision says of runs to end."""
        for stop in decision.stop:
            for child in (c for runs in self.children.values() for c in runs):
                if child.metadata.name == stop.name and not isinstance(child, PipelineRun):
                    child.spec.status = "TaskRunCancelled"
                    child.spec.status_message = stop.message
                    child.status.mark_false("TaskRunCancelled", stop.message, self.now)

    def _task(self, task: Any) -> TaskSpec | None:
        if task.task_ref is not None and not task.task_ref.is_custom:
            return self.tasks.get(task.task_ref.name, TaskSpec())
        return None if task.is_custom or task.is_child_pipeline else task.task_spec

    def _child(self, start: Start) -> Child:
        kinds: dict[str, type[TaskRun | CustomRun | PipelineRun]] = {
            "TaskRun": TaskRun,
            "CustomRun": CustomRun,
            "PipelineRun": PipelineRun,
        }
        child = kinds[start.kind].from_wire({"metadata": {"name": start.name}})
        child.spec.params = start.params
        child.status.initialize(self.now)
        return child


def play(pipeline: str, **spec: Any) -> Play:
    """A run of a pipeline written in YAML; ``spec`` are fields of the PipelineRun."""
    read_spec = PipelineSpec.from_wire(read(pipeline))
    set_pipeline_spec_defaults(read_spec, Settings())
    run = PipelineRun.from_wire(
        {"metadata": {"name": "r", "namespace": "ns", "uid": "u-1"}, "spec": spec}
    )
    run.status.initialize(NOW)
    return Play(run, read_spec)


def skipped(decision: Decision) -> dict[str, str]:
    """Reasons by task."""
    return {s.name: s.reason for s in decision.skipped}
