"""Conditions of 2019: containers whose exit code says whether a task runs.

Each becomes a task of its own in front of the one it guards; its failure does not end the pipeline.
The guarded task runs if all of its checks succeeded; a task behind it runs if it ran, as in 2019.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.names import child_name
from wakeful.apis.pipeline import EmbeddedTask, PipelineSpec, PipelineTask, Step, WhenExpression
from wakeful.apis.pipeline.graph import build_graph
from wakeful.apis.pipeline.legacy_types import (
    ConditionSpec,
    PipelineTaskCondition,
    PipelineTaskLegacy,
    TaskResources,
)
from wakeful.apis.pipeline.register import CONTINUE
from wakeful.pipelines.results import STATUS_SUCCEEDED

_RESOURCE = re.compile(r"\$\(resources\.(?!inputs\.|outputs\.)")
_STEP_FIELDS = frozenset(info.alias or name for name, info in Step.model_fields.items())


def conditions_of(spec: PipelineSpec) -> list[str]:
    """Names of the conditions a pipeline uses, each once."""
    legacies = (task.legacy for task in spec.tasks if task.legacy is not None)
    names = (c.condition_ref for legacy in legacies for c in legacy.conditions)
    return list(dict.fromkeys(names))


def with_checks(spec: PipelineSpec, conditions: Mapping[str, ConditionSpec]) -> PipelineSpec:
    """The pipeline with a task for each condition; ``conditions`` has all that it uses.

    Raises:
        InvalidGraphError: The pipeline's tasks cannot be ordered.
    """
    graph = build_graph(spec.tasks)
    taken = {t.name for t in (*spec.tasks, *spec.finally_)}
    made: dict[str, list[PipelineTask]] = {}
    guarded: set[str] = set()
    by_name = {t.name: t for t in spec.tasks}
    for name in graph.in_order():
        task, parents = by_name[name], graph.parents[name]
        checks = [
            _check(name, index, c, conditions[c.condition_ref], parents, taken)
            for index, c in enumerate(task.legacy.conditions if task.legacy is not None else ())
        ]
        needed = [p for p in parents if p in guarded]
        for check in checks:
            check.when = [_succeeded(p) for p in needed]
        if checks or needed:
            guarded.add(name)
        made[name] = [*checks, _guard(task, checks, needed)]
    tasks = [t for original in spec.tasks for t in made[original.name]]
    return spec.model_copy(update={"tasks": tasks}).deep_copy()


def _guard(task: PipelineTask, checks: list[PipelineTask], needed: list[str]) -> PipelineTask:
    if not checks and not needed:
        return task
    names = [check.name for check in checks]
    legacy = task.legacy.model_copy(update={"conditions": []}) if task.legacy is not None else None
    return task.model_copy(
        update={
            "run_after": [*task.run_after, *names],
            "when": [*(_succeeded(n) for n in (*names, *needed)), *task.when],
            "legacy": legacy,
        }
    )


def _succeeded(name: str) -> WhenExpression:
    return WhenExpression(input=f"$(tasks.{name}.status)", operator="in", values=[STATUS_SUCCEEDED])


def _check(
    task: str,
    index: int,
    condition: PipelineTaskCondition,
    spec: ConditionSpec,
    parents: tuple[str, ...],
    taken: set[str],
) -> PipelineTask:
    name = child_name(task, f"-{condition.condition_ref}")
    if name in taken:
        name = child_name(task, f"-{condition.condition_ref}-{index}")
    taken.add(name)
    return PipelineTask(
        name=name,
        task_spec=EmbeddedTask(
            description=spec.description,
            params=spec.params,
            steps=[_step(spec)],
            legacy=TaskResources(inputs=spec.resources),
        ),
        params=condition.params,
        run_after=list(parents),
        on_error=CONTINUE,
        legacy=PipelineTaskLegacy(inputs=condition.resources),
    )


def _step(spec: ConditionSpec) -> Step:
    wire: dict[str, Any] = spec.check.to_wire()
    if "resources" in wire:
        wire["computeResources"] = wire.pop("resources")
    known = {key: value for key, value in wire.items() if key in _STEP_FIELDS}
    return Step.from_wire(_renamed(known))


def _renamed(value: Any) -> Any:
    """``$(resources.NAME.KEY)`` of conditions is ``$(inputs.resources.NAME.KEY)`` of tasks."""
    if isinstance(value, str):
        return _RESOURCE.sub("$(inputs.resources.", value)
    if isinstance(value, dict):
        return {key: _renamed(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_renamed(member) for member in value]
    return value
