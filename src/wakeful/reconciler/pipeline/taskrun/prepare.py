"""All that has to be known and made before a TaskRun's Pod: task, parameters, workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apis.pipeline import (
    Param,
    PipelineResource,
    PipelineResourceSpec,
    Step,
    TaskRun,
    TaskRunReason,
    TaskSpec,
    WorkspaceBinding,
    merge_pod_templates,
)
from wakeful.apis.pipeline.config import DefaultsConfig, FeatureFlags
from wakeful.client import Client
from wakeful.controller import EventRecorder
from wakeful.pipelines.errors import RunFailedError, user_error
from wakeful.pipelines.params import replacements_of
from wakeful.pipelines.stepactions import apply_step_action
from wakeful.pipelines.tasks import (
    bound_workspaces,
    check_task_run,
    context_replacements,
    resolve_task,
    task_params,
)
from wakeful.reconciler.pipeline.credentials import MissingAccountError, secrets_of_account
from wakeful.reconciler.pipeline.resolving import (
    FoundTask,
    References,
    UnresolvedError,
    UntrustedError,
)
from wakeful.reconciler.pipeline.taskrun.legacy import referenced_resources, with_resources
from wakeful.reconciler.pipeline.taskrun.plan import Images, PodPlan, SecretUse
from wakeful.reconciler.pipeline.taskrun.workspaces import (
    make_claims,
    make_volumes,
    with_claims,
    with_workspaces,
)

log = structlog.get_logger("wakeful.reconciler.pipeline")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a TaskRun carries out, and the plan of its Pod."""

    task: FoundTask
    spec: TaskSpec
    """With every variable replaced."""
    plan: PodPlan


class Preparation:
    """Finds what a run refers to and makes what its Pod needs."""

    def __init__(
        self, client: Client, references: References, recorder: EventRecorder, images: Images
    ) -> None:
        self._client, self._references = client, references
        self._recorder, self._images = recorder, images

    async def prepare(
        self, run: TaskRun, defaults: DefaultsConfig, flags: FeatureFlags
    ) -> Prepared:
        """Gather everything; what was made before is found again.

        Raises:
            AwaitingError: A resolver has not answered yet.
            RunFailedError: The run cannot be carried out.
        """
        task = await self._task(run)
        spec = await self._with_actions(run, task)
        spec = with_resources(run, spec, await self._resources(run))
        run = _with_default_workspaces(run, spec, defaults.workspace_binding)
        check_task_run(run, spec, task.name)
        await self._make_claims(run)
        run = _with_bindings(run, with_claims(run.spec.workspaces, run))
        bindings = bound_workspaces(run, spec, task.name)
        run = _with_bindings(run, bindings)
        volumes = make_volumes(bindings)
        names = {workspace: volume.name for workspace, volume in volumes.items()}
        resolved = resolve_task(run, spec, task_name=task.name, volumes=names)
        run = _with_pod_template(run, spec, task.name, defaults)
        plan = PodPlan(
            run=run,
            spec=with_workspaces(resolved, bindings, volumes),
            defaults=defaults,
            flags=flags,
            images=self._images,
            secrets=() if flags.disable_creds_init else await self._secrets(run, defaults),
            legacy_home=spec.legacy is not None,
        )
        return Prepared(task, resolved, plan)

    async def _task(self, run: TaskRun) -> FoundTask:
        if run.spec.task_ref is None:
            return FoundTask(name=run.metadata.name, spec=run.spec.task_spec or TaskSpec())
        ref = run.spec.task_ref
        params = replacements_of(run.spec.params, in_task=True).params(ref.params)
        try:
            return await self._references.task(ref, run, params)
        except UnresolvedError as err:
            raise RunFailedError(TaskRunReason.RESOLUTION_FAILED, str(err)) from err
        except UntrustedError as err:
            raise RunFailedError(TaskRunReason.RESOURCE_VERIFICATION_FAILED, str(err)) from err

    async def _with_actions(self, run: TaskRun, task: FoundTask) -> TaskSpec:
        """The task with its StepActions in the places of the steps that refer to them."""
        spec = task.spec
        if all(step.ref is None for step in spec.steps):
            return spec
        params = task_params(run, spec, task.name)
        steps = [await self._step(step, run, params) for step in spec.steps]
        return spec.model_copy(update={"steps": steps})

    async def _step(self, step: Step, run: TaskRun, params: Sequence[Param]) -> Step:
        if step.ref is None:
            return step
        table = replacements_of(params, in_task=True)
        try:
            action = await self._references.step_action(
                table.text(step.ref.name), step.ref, run, table.params(step.ref.params)
            )
        except UnresolvedError as err:
            raise RunFailedError(TaskRunReason.RESOLUTION_FAILED, str(err)) from err
        return apply_step_action(step, action, params)

    async def _resources(self, run: TaskRun) -> dict[str, PipelineResourceSpec]:
        """The PipelineResources that a run refers to, by name."""
        found = {}
        for name in referenced_resources(run):
            resource = await self._client.find(PipelineResource, name, run.metadata.namespace)
            if resource is None:
                raise RunFailedError(
                    TaskRunReason.RESOLUTION_FAILED,
                    f'pipelineresources.tekton.dev "{name}" not found',
                )
            found[name] = resource.spec
        return found

    async def _make_claims(self, run: TaskRun) -> None:
        for claim in make_claims(run.spec.workspaces, run):
            try:
                await self._client.create_or_get(claim)
            except APIStatusError as err:
                raise RunFailedError(
                    TaskRunReason.COULDNT_CREATE_WORKSPACE_PVC,
                    f"failed to create PVC for TaskRun {run.key} workspaces correctly:"
                    f" {err.message}",
                ) from err

    async def _secrets(self, run: TaskRun, defaults: DefaultsConfig) -> Sequence[SecretUse]:
        name = run.spec.service_account_name or defaults.service_account
        try:
            uses, missing = await secrets_of_account(self._client, name, run.metadata.namespace)
        except MissingAccountError as err:
            raise RunFailedError(
                TaskRunReason.POD_CREATION_FAILED, creation_failure(run, str(err))
            ) from err
        if missing:
            self._recorder.warning(
                run,
                "FailedToRetrieveSecret",
                f"Unable to retrieve some secrets ({', '.join(missing)});"
                " attempting to use them may not succeed.",
            )
        return uses


def creation_failure(run: TaskRun, problem: str) -> str:
    """Why there is no Pod, in upstream's words."""
    ref = run.spec.task_ref
    maybe = (
        f"missing or invalid Task {run.metadata.namespace}/{ref.name}"
        if ref is not None
        else "invalid TaskSpec"
    )
    text = f'failed to create task run pod "{run.metadata.name}": {problem}. Maybe {maybe}'
    return user_error(text) if "translating" in text else text


def _with_bindings(run: TaskRun, bindings: Sequence[WorkspaceBinding]) -> TaskRun:
    spec = run.spec.model_copy(update={"workspaces": list(bindings)})
    return run.model_copy(update={"spec": spec})


def _with_default_workspaces(
    run: TaskRun, spec: TaskSpec, default: WorkspaceBinding | None
) -> TaskRun:
    """The run with what config-defaults says for workspaces that it must bind and does not."""
    if default is None:
        return run
    bound = {b.name for b in run.spec.workspaces}
    added = [
        default.model_copy(update={"name": w.name})
        for w in spec.workspaces
        if not w.optional and w.name not in bound
    ]
    return _with_bindings(run, [*run.spec.workspaces, *added])


def _with_pod_template(
    run: TaskRun, spec: TaskSpec, task_name: str, defaults: DefaultsConfig
) -> TaskRun:
    template = merge_pod_templates(run.spec.pod_template, defaults.pod_template)
    if template is None:
        return run
    table = replacements_of(task_params(run, spec, task_name), in_task=True)
    table = context_replacements(run, task_name) | table
    changed = run.spec.model_copy(update={"pod_template": table.model(template)})
    return run.model_copy(update={"spec": changed})
