"""Who waits for whom in a pipeline.

Edges come from ``runAfter``, from results used, from lengths of matrices used, and (before v1) from
resources taken ``from`` another task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from wakeful.apis.pipeline.pipeline_types import PipelineTask
from wakeful.apis.pipeline.references import results_of_task, texts_of_params, variables_in

_MATRIX_LENGTH = re.compile(r"^tasks\.([^.]+)\.matrix\.(?:[^.]+\.)?length$")
_ARTIFACT = re.compile(r"^tasks\.([^.]+)\.(?:inputs|outputs)(?:\.|$)")


class InvalidGraphError(ValueError):
    """Tasks wait for each other, or for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks by name, with those each one waits for."""

    parents: Mapping[str, tuple[str, ...]]

    def __contains__(self, name: object) -> bool:
        return name in self.parents

    def ready(self, done: Iterable[str]) -> set[str]:
        """Tasks whose parents are all done, and which are not done themselves."""
        finished = set(done)
        return {
            name
            for name, parents in self.parents.items()
            if name not in finished and finished.issuperset(parents)
        }

    def in_order(self) -> list[str]:
        """Every task, parents first."""
        return list(TopologicalSorter(self.parents).static_order())


def dependencies(task: PipelineTask) -> list[str]:
    """Names of the tasks that must end before this one, sorted."""
    names = set(task.run_after)
    names.update(ref.owner for ref in results_of_task(task))
    params = [*task.params, *(task.matrix.all_params if task.matrix else ())]
    for text in texts_of_params(params):
        for variable in variables_in(text):
            found = _MATRIX_LENGTH.match(variable)
            if found is not None:
                names.add(found[1])
    names.update(_artifacts(task))
    if task.legacy is not None:
        for resource in task.legacy.inputs:
            names.update(resource.from_)
        for condition in task.legacy.conditions:
            for resource in condition.resources:
                names.update(resource.from_)
    return sorted(names)


def _artifacts(task: PipelineTask) -> Iterable[str]:
    if task.task_spec is None:
        return
    for step in task.task_spec.steps:
        for text in (step.script, *step.args, *step.command, *(e.value for e in step.env)):
            for variable in variables_in(text):
                found = _ARTIFACT.match(variable)
                if found is not None:
                    yield found[1]


def build_graph(tasks: Sequence[PipelineTask], *, edges: bool = True) -> Graph:
    """The graph of a pipeline's tasks; ``edges=False`` for final tasks, which wait for nobody.

    Raises:
        InvalidGraphError: With upstream's words.
    """
    parents: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        if task.name in parents:
            raise InvalidGraphError("duplicate pipeline task")
        parents[task.name] = tuple(dependencies(task)) if edges else ()
    _refuse_cycles(parents)
    for name, needed in parents.items():
        for parent in needed:
            if parent not in parents:
                raise InvalidGraphError(
                    f"couldn't add link between {name} and {parent}: task {name} depends on"
                    f" {parent} but {parent} wasn't present in Pipeline"
                )
    return Graph(parents)


def _refuse_cycles(parents: Mapping[str, tuple[str, ...]]) -> None:
    """Take away tasks that wait for nobody until none is left; the rest go round in circles."""
    waits = {name: {p for p in needed if p in parents} for name, needed in parents.items()}
    children: dict[str, list[str]] = {}
    for name, needed in waits.items():
        for parent in needed:
            children.setdefault(parent, []).append(name)
    free = [name for name, needed in waits.items() if not needed]
    while free:
        parent = free.pop()
        del waits[parent]
        for child in children.get(parent, ()):
            waits[child].discard(parent)
            if not waits[child]:
                free.append(child)
    if waits:
        name = min(waits)
        others = ", ".join(f'"{p}"' for p in sorted(waits[name]))
        raise InvalidGraphError(f'cycle detected; task "{name}" depends on {others}')
