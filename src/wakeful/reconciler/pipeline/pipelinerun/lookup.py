"""What a PipelineRun is about: its pipeline, the tasks in it, and the runs they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from wakeful.apimachinery.meta import NamespacedName, controller_of
from wakeful.apis.pipeline import (
    CustomRun,
    PipelineRun,
    PipelineRunReason,
    PipelineSpec,
    PipelineTask,
    TaskRun,
)
from wakeful.apis.pipeline.register import PIPELINE_LABEL, PIPELINE_TASK_LABEL
from wakeful.pipelines.conditions import conditions_of, with_checks
from wakeful.pipelines.errors import RunFailedError
from wakeful.pipelines.params import replacements_of
from wakeful.pipelines.prepare import graph_of
from wakeful.pipelines.state import CUSTOM_RUN, PIPELINE_RUN, TASK_RUN, Child, TaskState
from wakeful.pipelines.trust import Verdict
from wakeful.reconciler.apps.ownership import Children
from wakeful.reconciler.pipeline.resolving import (
    FoundPipeline,
    FoundTask,
    References,
    UnresolvedError,
    UntrustedError,
)


class Lookup:
    """Finds it all; tasks that were found are remembered as long as their run goes on."""

    def __init__(
        self,
        references: References,
        task_runs: Children[TaskRun],
        custom_runs: Children[CustomRun],
        pipeline_runs: Children[PipelineRun],
    ) -> None:
        self._references = references
        self._task_runs, self._custom_runs = task_runs, custom_runs
        self._pipeline_runs = pipeline_runs
        self._tasks: dict[NamespacedName, tuple[str, dict[str, FoundTask | FoundPipeline]]] = {}

    async def pipeline(self, run: PipelineRun) -> FoundPipeline:
        """The pipeline that a run refers to or embeds.

        Raises:
            AwaitingError: A resolver has not answered yet.
            RunFailedError: There is none.
        """
        ref = run.spec.pipeline_ref
        if ref is None:
            spec = run.spec.pipeline_spec or PipelineSpec()
            return FoundPipeline(name=run.metadata.name, spec=spec)
        params = replacements_of(run.spec.params, in_task=False).params(ref.params)
        try:
            return await self._references.pipeline(ref, run, params)
        except UnresolvedError as err:
            raise RunFailedError(
                PipelineRunReason.COULDNT_GET_PIPELINE,
                f"Error retrieving pipeline for pipelinerun {run.key}: {err}",
            ) from err
        except UntrustedError as err:
            raise _untrusted(run, err.name, err) from err

    async def with_checks(self, run: PipelineRun, spec: PipelineSpec) -> PipelineSpec:
        """The pipeline with conditions of 2019 as tasks of their own.

        Raises:
            RunFailedError: One does not exist, or tasks wait in a circle.
        """
        names, found = conditions_of(spec), {}
        if names:
            graph_of(run, spec)
        for name in names:
            try:
                found[name] = await self._references.condition(name, run.metadata.namespace)
            except UnresolvedError as err:
                raise RunFailedError(
                    PipelineRunReason.COULDNT_GET_CONDITION,
                    f"PipelineRun {run.key} can't be Run; it contains Conditions that don't exist:"
                    f' Couldn\'t retrieve Condition "{name}": {err}',
                ) from err
        return with_checks(spec, found) if found else spec

    async def states(self, run: PipelineRun, spec: PipelineSpec, name: str) -> list[TaskState]:
        """Every task of the pipeline, with the runs it has.

        Raises:
            AwaitingError: A resolver has not answered yet.
            RunFailedError: A task does not exist.
        """
        children = self._children(run)
        states = []
        for task in (*spec.tasks, *spec.finally_):
            await self.child_pipeline(run, task, name)
            found = await self.task(run, task, name)
            state = TaskState(
                task,
                spec=found.spec if found is not None else task.task_spec,
                task_name=found.name if found is not None else "",
            )
            if state.kind != TASK_RUN:
                state.spec = None
            state.children = _in_order(run, task.name, state.kind, children[state.kind])
            states.append(state)
        return states

    async def task(self, run: PipelineRun, task: PipelineTask, pipeline: str) -> FoundTask | None:
        """The Task a pipeline task refers to; None for others.

        Raises:
            AwaitingError: A resolver has not answered yet.
            RunFailedError: It does not exist.
        """
        ref = task.task_ref
        if ref is None or ref.is_custom:
            return None
        known = self._known(run)
        if isinstance(before := known.get(task.name), FoundTask):
            return before
        lacks = f"Tasks that don't exist: Couldn't retrieve Task \"{ref.name}\""
        with _explained(run, pipeline, task, PipelineRunReason.COULDNT_GET_TASK, lacks):
            found = await self._references.task(ref, run, ref.params)
        known[task.name] = found
        return found

    async def child_pipeline(
        self, run: PipelineRun, task: PipelineTask, pipeline: str
    ) -> FoundPipeline | None:
        """The Pipeline a pipeline task refers to; None for others.

        Raises:
            AwaitingError: A resolver has not answered yet.
            RunFailedError: It does not exist.
        """
        ref = task.pipeline_ref
        if ref is None:
            return None
        known = self._known(run)
        if isinstance(before := known.get(task.name), FoundPipeline):
            return before
        lacks = f"child Pipelines that don't exist: Couldn't retrieve Pipeline \"{ref.name}\""
        with _explained(run, pipeline, task, PipelineRunReason.COULDNT_GET_PIPELINE, lacks):
            found = await self._references.pipeline(ref, run, ref.params)
        known[task.name] = found
        return found

    async def ancestors(self, run: PipelineRun) -> list[str]:
        """Names of the pipelines of a run and of those it is part of, from the inside out."""
        names: list[str] = []
        current: PipelineRun | None = run
        while current is not None:
            if name := current.metadata.labels.get(PIPELINE_LABEL):
                names.append(name)
            owner = controller_of(current)
            if owner is None or owner.kind != PIPELINE_RUN:
                break
            current = await self._references.pipeline_run(owner.name, run.metadata.namespace)
        return names

    def verdicts(self, run: PipelineRun) -> list[Verdict]:
        """What was found about the signatures of a run's tasks."""
        return [f.verdict for f in self._known(run).values() if f.verdict is not None]

    def forget(self, key: NamespacedName) -> None:
        """A run has ended, or is gone."""
        self._tasks.pop(key, None)

    def _known(self, run: PipelineRun) -> dict[str, FoundTask | FoundPipeline]:
        uid, tasks = self._tasks.get(run.key, ("", {}))
        if uid != run.metadata.uid:
            tasks = {}
            self._tasks[run.key] = (run.metadata.uid, tasks)
        return tasks

    def _children(self, run: PipelineRun) -> dict[str, list[Child]]:
        return {
            TASK_RUN: list(self._task_runs.owned_by(run)),
            CUSTOM_RUN: list(self._custom_runs.owned_by(run)),
            PIPELINE_RUN: list(self._pipeline_runs.owned_by(run)),
        }


@contextmanager
def _explained(
    run: PipelineRun, pipeline: str, task: PipelineTask, reason: PipelineRunReason, lacks: str
) -> Iterator[None]:
    """Say for which run a reference of ``task`` leads nowhere, or to what is not trusted."""
    try:
        yield
    except UnresolvedError as err:
        raise RunFailedError(
            reason,
            f"Pipeline {run.metadata.namespace}/{pipeline} can't be Run;"
            f" it contains {lacks}: {err}",
        ) from err
    except UntrustedError as err:
        raise _untrusted(run, task.name, err) from err


def _untrusted(run: PipelineRun, name: str, err: UntrustedError) -> RunFailedError:
    return RunFailedError(
        PipelineRunReason.RESOURCE_VERIFICATION_FAILED,
        f"pipelineRun {run.key} referred resource {name} failed signature verification: {err}",
    )


def _in_order(run: PipelineRun, task: str, kind: str, children: Iterable[Child]) -> list[Child]:
    """The runs of a task in the order in which they were started, which the status has."""
    order = {
        reference.name: index
        for index, reference in enumerate(run.status.child_references)
        if reference.kind == kind
    }
    own = [c for c in children if c.metadata.labels.get(PIPELINE_TASK_LABEL) == task]
    return sorted(own, key=lambda c: (order.get(c.metadata.name, len(order)), _number(c)))


def _number(child: Child) -> tuple[int, str]:
    """The row of a matrix that a run is for, by its name."""
    number = child.metadata.name.rpartition("-")[2]
    return (int(number) if number.isdigit() else 0, child.metadata.name)
