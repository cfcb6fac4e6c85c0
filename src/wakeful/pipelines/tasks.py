"""A task as one TaskRun carries it out: every variable replaced, templates merged into steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.pod_types import ResourceRequirements
from wakeful.apis.pipeline import (
    Param,
    ParamType,
    Step,
    StepTemplate,
    TaskRun,
    TaskRunReason,
    TaskSpec,
    WorkspaceBinding,
    WorkspaceDeclaration,
)
from wakeful.apis.pipeline.references import texts_in, variables_in
from wakeful.apis.pipeline.register import ARTIFACTS_DIR, CREDS_DIR, RESULTS_DIR, STEPS_DIR
from wakeful.apis.pipeline.step_types import Sidecar
from wakeful.apis.pipeline.taskrun_types import TaskRunStepSpec
from wakeful.pipelines.errors import RunFailedError, user_error
from wakeful.pipelines.names import step_container
from wakeful.pipelines.params import (
    ParamError,
    check_indexes,
    check_task_params,
    effective_params,
    outside_enum,
    replacements_of,
)
from wakeful.pipelines.substitution import Replacements

ContainerT = TypeVar("ContainerT", Step, Sidecar)

_UNTOUCHED = frozenset(("params", "results", "description", "display_name", "legacy"))
"""Fields of a task that declare things rather than use them."""
_WORKSPACE = re.compile(r"^workspaces\.([^.\[]+)\.")
_MERGED_BY = {"env": "name", "volume_mounts": "mount_path", "volume_devices": "device_path"}


# --- what is wrong with a run ---------------------------------------------------------------------


def check_task_run(run: TaskRun, spec: TaskSpec, task_name: str) -> None:
    """Check a run against the task it is to carry out, before anything is replaced.

    Raises:
        RunFailedError: With upstream's reasons and words.
    """
    params = coerce_old_values(spec, run.spec.params)
    try:
        check_task_params(spec.params, params, enums=False)
    except ParamError as err:
        raise _invalid(f"invalid input params for task {task_name}: {err}") from err
    if text := outside_enum(spec.params, params):
        raise RunFailedError(TaskRunReason.INVALID_PARAM_VALUE, user_error(text))
    try:
        check_indexes(spec.params, params, spec)
    except ParamError as err:
        raise _invalid(str(err)) from err
    declared = list(spec.workspaces)
    if run.spec.task_spec is not None:
        declared += [WorkspaceDeclaration(name=b.name) for b in run.spec.workspaces]
    _check_workspaces(declared, run.spec.workspaces)
    _check_overrides("Step", [s.name for s in spec.steps], run.spec.step_specs)
    _check_overrides("Sidecar", [s.name for s in spec.sidecars], run.spec.sidecar_specs)


def _invalid(text: str) -> RunFailedError:
    return RunFailedError(TaskRunReason.VALIDATION_FAILED, user_error(text))


def _check_workspaces(
    declared: Sequence[WorkspaceDeclaration], bindings: Sequence[WorkspaceBinding]
) -> None:
    bound, known = {b.name for b in bindings}, {d.name for d in declared}
    for declaration in declared:
        if not declaration.optional and declaration.name not in bound:
            raise _invalid(
                f'declared workspace "{declaration.name}" is required but has not been bound'
            )
    for binding in bindings:
        if binding.name not in known:
            raise _invalid(
                f'workspace binding "{binding.name}" does not match any declared workspace'
            )


def _check_overrides(kind: str, names: Sequence[str], specs: Sequence[TaskRunStepSpec]) -> None:
    for spec in specs:
        if spec.name not in names:
            raise _invalid(f"invalid {kind}Override: No {kind} named {spec.name}")


def coerce_old_values(spec: TaskSpec, params: Sequence[Param]) -> list[Param]:
    """A text given for a list becomes a list of one, in tasks written before v1.

    The book does so; neither 2019's upstream nor today's allows it.
    """
    if spec.legacy is None:
        return list(params)
    arrays = {s.name for s in spec.params if s.type == ParamType.ARRAY}
    return [
        Param(name=p.name, value=[p.value]) if p.name in arrays and isinstance(p.value, str) else p
        for p in params
    ]


# --- variables ------------------------------------------------------------------------------------


def task_params(run: TaskRun, spec: TaskSpec, task_name: str) -> list[Param]:
    """What every parameter is in this run.

    Raises:
        RunFailedError: Defaults refer to each other in a circle.
    """
    try:
        return effective_params(
            spec.params,
            coerce_old_values(spec, run.spec.params),
            context_replacements(run, task_name),
        )
    except ParamError as err:
        raise _invalid(str(err)) from err


def resolve_task(
    run: TaskRun, spec: TaskSpec, *, task_name: str, volumes: Mapping[str, str]
) -> TaskSpec:
    """Replace every variable but the results of steps, which exist only while the pod runs.

    ``spec`` has its StepActions resolved; ``volumes`` has the pod's volume for each bound
    workspace. Workspaces that are bound but not declared are declared.

    Raises:
        RunFailedError: Defaults refer to each other in a circle.
    """
    params = task_params(run, spec, task_name)
    done = replace_in_task(spec, replacements_of(params, in_task=True))
    done = replace_in_task(done, context_replacements(run, task_name))
    done = replace_in_task(done, _paths_of_results(done))
    done = _each_step(done)
    done = replace_in_task(
        done,
        Replacements(
            {
                f"steps.{step_container(step.name, i)}.exitCode.path": (
                    f"{STEPS_DIR}/{step_container(step.name, i)}/exitCode"
                )
                for i, step in enumerate(done.steps)
            }
            | {"credentials.path": CREDS_DIR}
        ),
    )
    declared = {w.name for w in done.workspaces}
    extra = [
        WorkspaceDeclaration(name=b.name) for b in run.spec.workspaces if b.name not in declared
    ]
    done = done.model_copy(update={"workspaces": [*done.workspaces, *extra]})
    return _replace_workspaces(done, run.spec.workspaces, volumes).deep_copy()


def replace_in_task(spec: TaskSpec, table: Replacements) -> TaskSpec:
    """A task with variables replaced wherever it uses, not declares, something."""
    return table.model(spec, but=_UNTOUCHED)


def context_replacements(run: TaskRun, task_name: str) -> Replacements:
    """``$(context.taskRun.…)`` and ``$(context.task.…)``."""
    meta = run.metadata
    return Replacements(
        {
            "context.taskRun.name": meta.name,
            "context.taskRun.namespace": meta.namespace,
            "context.taskRun.uid": meta.uid,
            "context.task.name": task_name,
            "context.task.retry-count": str(len(run.status.retries_status)),
        }
    )


def replace_in_bindings(
    bindings: Iterable[WorkspaceBinding], table: Replacements
) -> list[WorkspaceBinding]:
    """Bindings of workspaces with variables replaced, but for the names."""
    return [table.model(binding, but=frozenset(("name",))) for binding in bindings]


def bound_workspaces(run: TaskRun, spec: TaskSpec, task_name: str) -> list[WorkspaceBinding]:
    """The run's bindings, with its parameters replaced."""
    params = task_params(run, spec, task_name)
    return replace_in_bindings(run.spec.workspaces, replacements_of(params, in_task=True))


def workspaces_used(spec: APIModel) -> list[str]:
    """Names of the workspaces whose variables appear in a task, each once."""
    names = (
        found[1]
        for text in texts_in(spec)
        for variable in variables_in(text)
        if (found := _WORKSPACE.match(variable)) is not None
    )
    return list(dict.fromkeys(names))


def _paths_of_results(spec: TaskSpec) -> Replacements:
    return Replacements(_paths("results", [r.name for r in spec.results], RESULTS_DIR))


def _paths(prefix: str, names: Iterable[str], directory: str) -> dict[str, str]:
    return {
        form.format(prefix, name): f"{directory}/{name}"
        for name in names
        for form in ("{0}.{1}.path", '{0}["{1}"].path', "{0}['{1}'].path")
    }


def _each_step(spec: TaskSpec) -> TaskSpec:
    """Replace what means something else in each step: where its results and artifacts go."""
    steps = []
    for index, step in enumerate(spec.steps):
        home = f"{STEPS_DIR}/{step_container(step.name, index)}"
        strings = _paths("step.results", [r.name for r in step.results], f"{home}/results")
        strings["step.artifacts.path"] = f"{home}/artifacts/provenance.json"
        strings["artifacts.path"] = f"{ARTIFACTS_DIR}/provenance.json"
        steps.append(Replacements(strings).model(step))
    return spec.model_copy(update={"steps": steps})


def _replace_workspaces(
    spec: TaskSpec, bindings: Sequence[WorkspaceBinding], volumes: Mapping[str, str]
) -> TaskSpec:
    bound = {b.name: b for b in bindings}
    strings: dict[str, str] = {}
    for declaration in spec.workspaces:
        prefix = f"workspaces.{declaration.name}"
        given = bound.get(declaration.name)
        missing = declaration.optional and given is None
        strings[f"{prefix}.bound"] = "false" if missing else "true"
        strings[f"{prefix}.path"] = "" if missing else declaration.path
        claim = given.persistent_volume_claim if given is not None else None
        strings[f"{prefix}.claim"] = claim.claim_name if claim is not None else ""
        strings[f"{prefix}.volume"] = volumes.get(declaration.name, "")
    own = spec.model_copy(
        update={
            "steps": [_own_paths(step) for step in spec.steps],
            "sidecars": [_own_paths(sidecar) for sidecar in spec.sidecars],
        }
    )
    return replace_in_task(own, Replacements(strings))


def _own_paths(container: ContainerT) -> ContainerT:
    """A step that mounts a workspace at a place of its own means that place."""
    strings = {
        f"workspaces.{usage.name}.path": usage.mount_path
        for usage in container.workspaces
        if usage.mount_path
    }
    return Replacements(strings).model(container) if strings else container


# --- templates ------------------------------------------------------------------------------------


def merge_step_template(spec: TaskSpec) -> TaskSpec:
    """A copy whose steps start from the template; what a step says itself wins.

    Variables, mounts and devices merge one by one, resources key by key, all else as a whole.
    """
    template = spec.step_template
    if template is None:
        return spec.deep_copy()
    steps = [step if step.ref is not None else _merged(step, template) for step in spec.steps]
    return spec.deep_copy().model_copy(update={"steps": steps})


def _merged(step: Step, template: StepTemplate) -> Step:
    changed: dict[str, object] = {}
    for name, info in StepTemplate.model_fields.items():
        base, own = getattr(template, name), getattr(step, name)
        empty = info.get_default(call_default_factory=True)
        if base == empty:
            continue
        if own == empty:
            changed[name] = base
        elif name in _MERGED_BY:
            key = _MERGED_BY[name]
            mine = {getattr(item, key) for item in own}
            changed[name] = [i for i in base if getattr(i, key) not in mine] + own
        elif isinstance(own, ResourceRequirements):
            changed[name] = merge_resources(base, own)
        elif isinstance(own, APIModel):
            changed[name] = type(own).model_validate(base.to_wire() | own.to_wire())
    return step.deep_copy().model_copy(update=changed).deep_copy()


def merge_resources(base: ResourceRequirements, over: ResourceRequirements) -> ResourceRequirements:
    """Amounts of ``over`` where it has any, else of ``base``."""
    return ResourceRequirements(
        limits=base.limits | over.limits,
        requests=base.requests | over.requests,
        claims=over.claims or base.claims,
    )
