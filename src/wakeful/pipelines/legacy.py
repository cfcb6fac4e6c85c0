"""PipelineResources in pipelines written before v1: which resource a task's run is given."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from wakeful.apis.pipeline import PipelineRun, PipelineRunReason, PipelineTask
from wakeful.apis.pipeline.legacy_types import (
    PipelineResourceBinding,
    TaskResourceBinding,
    TaskRunResources,
)
from wakeful.pipelines.errors import RunFailedError

ARTIFACTS_DIR = "/pvc"
"""Where tasks leave resources for tasks that take them ``from`` there, in a claim of the run."""


def taken_from(tasks: Iterable[PipelineTask]) -> set[tuple[str, str]]:
    """Which task leaves which of the pipeline's resources for another one."""
    return {
        (producer, given.resource)
        for task in tasks
        if task.legacy is not None
        for given in task.legacy.inputs
        for producer in given.from_
    }


def optional_resources(run: PipelineRun) -> set[str]:
    """Resources that the pipeline of a run can do without."""
    spec = run.status.pipeline_spec or run.spec.pipeline_spec
    declared = spec.legacy.resources if spec is not None and spec.legacy is not None else ()
    return {r.name for r in declared if r.optional}


def bindings_of_task(
    task: PipelineTask, run: PipelineRun, taken: Container[tuple[str, str]]
) -> TaskRunResources | None:
    """What a task's run is given; None for tasks without resources.

    A resource taken ``from`` other tasks has their directories as paths, one that is ``taken`` by
    another task the directory it is left in.

    Raises:
        RunFailedError: The run binds no such resource.
    """
    legacy = task.legacy
    if legacy is None or not (legacy.inputs or legacy.outputs):
        return None
    bound = {b.name: b for b in (run.spec.legacy.resources if run.spec.legacy else ())}
    missing = optional_resources(run) - set(bound)
    made = TaskRunResources()
    for given in legacy.inputs:
        if given.resource in missing:
            continue
        paths = [f"{ARTIFACTS_DIR}/{producer}/{given.resource}" for producer in given.from_]
        made.inputs.append(_bind(given.name, given.resource, paths, bound, run))
    for put in legacy.outputs:
        if put.resource in missing:
            continue
        left = f"{ARTIFACTS_DIR}/{task.name}/{put.resource}"
        paths = [left] if (task.name, put.resource) in taken else []
        made.outputs.append(_bind(put.name, put.resource, paths, bound, run))
    return made


def _bind(
    name: str,
    resource: str,
    paths: Sequence[str],
    bound: dict[str, PipelineResourceBinding],
    run: PipelineRun,
) -> TaskResourceBinding:
    found = bound.get(resource)
    if found is None:
        raise RunFailedError(
            PipelineRunReason.INVALID_RESOURCE_BINDINGS,
            f"PipelineRun {run.key} doesn't bind Pipeline's PipelineResources correctly:"
            f" PipelineRun bound resources didn't match Pipeline: Didn't provide required values:"
            f" [{resource}]",
        )
    return TaskResourceBinding(
        name=name,
        resource_ref=found.resource_ref,
        resource_spec=found.resource_spec,
        paths=list(paths),
    )
