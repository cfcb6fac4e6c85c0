"""The runs of a PipelineRun as its status tells of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apis.pipeline import ChildStatusReference, Param, PipelineTask
from wakeful.pipelines.decision import Start
from wakeful.pipelines.skipping import Skipping
from wakeful.pipelines.state import CUSTOM_RUN, PIPELINE_RUN, TASK_RUN, RunState, TaskState
from wakeful.pipelines.substitution import Replacements

_API_VERSIONS = {
    TASK_RUN: "tekton.dev/v1",
    PIPELINE_RUN: "tekton.dev/v1",
    CUSTOM_RUN: "tekton.dev/v1beta1",
}


def child_references(
    state: RunState, skipping: Skipping, start: Sequence[Start]
) -> list[ChildStatusReference]:
    """Runs that exist, as they were told of before, and those that are started now."""
    known = {r.name: r for r in state.run.status.child_references}
    new: dict[str, list[Start]] = {}
    for each in start:
        new.setdefault(each.task.name, []).append(each)
    found = []
    for task in state.states:
        for child in task.children:
            name = child.metadata.name
            found.append(
                known.get(name) or _reference(task, skipping.task(task), name, child.spec.params)
            )
        found += [_reference(task, s.task, s.name, s.params) for s in new.get(task.name, ())]
    return found


def _reference(
    state: TaskState, task: PipelineTask, name: str, params: Sequence[Param]
) -> ChildStatusReference:
    return ChildStatusReference(
        api_version=_API_VERSIONS[state.kind],
        kind=state.kind,
        name=name,
        display_name=_display_name(task, params),
        pipeline_task_name=state.name,
        when_expressions=task.when,
    )


def _display_name(task: PipelineTask, params: Sequence[Param]) -> str:
    """The task's, or that of the matrix's rows this run belongs to."""
    values = {p.name: p.value for p in params if isinstance(p.value, str)}
    table = Replacements({f"params.{name}": value for name, value in values.items()})
    rows = [
        table.text(row.name)
        for row in (task.matrix.include if task.matrix is not None else ())
        if row.name and all(values.get(p.name) == p.value for p in row.params)
    ]
    return " ".join(rows) or table.text(task.display_name)
