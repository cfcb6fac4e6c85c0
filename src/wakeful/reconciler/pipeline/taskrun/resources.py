"""The Pod of a TaskRun, as Tekton would make it. Pure.

On Kubernetes, the entrypoint program in it orders the steps; our node agent reads what that program
is told and does it without (``wakeful.node.steps``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import safe_encode
from wakeful.apis.core.pod_types import (
    Container,
    EnvVar,
    Pod,
    PodSpec,
)
from wakeful.apis.pipeline import PodTemplate, Sidecar, Step, TaskRun, TaskSpec
from wakeful.apis.pipeline.register import (
    LAST_APPLIED,
    MANAGED_BY_LABEL,
    OLD_HOME_DIR,
    RELEASE_ANNOTATION,
    TASK_RUN_LABEL,
    TASK_RUN_UID_LABEL,
    WORKSPACE_DIR,
)
from wakeful.pipelines.entrypoint import (
    ENTRYPOINT,
    READY,
    READY_ANNOTATION,
    ScriptFile,
    StepArguments,
    render_scripts,
)
from wakeful.pipelines.entrypoint import layout as at
from wakeful.pipelines.entrypoint.arguments import FROM_SIDECAR_LOGS
from wakeful.pipelines.entrypoint.layout import StepPlace
from wakeful.pipelines.entrypoint.scripts import with_shebang
from wakeful.reconciler.pipeline.release import release
from wakeful.reconciler.pipeline.taskrun.plan import PodPlan, pod_name
from wakeful.reconciler.pipeline.taskrun.podvolumes import (
    implicit_mounts,
    is_to_be_made,
    make_mount,
    make_mounts,
    make_volumes,
)
from wakeful.reconciler.pipeline.taskrun.steps import (
    merge_sidecars,
    merge_steps,
    sidecar_container,
    step_container,
)

NO_DEADLINE_SECONDS = 2**31 - 1
_DEADLINE_FACTOR = 1.5
_NAME_LIMIT = 63


def make_pod(plan: PodPlan) -> Pod:
    """Put the Pod together."""
    run, template = plan.run, plan.run.spec.pod_template or PodTemplate()
    steps = merge_steps(plan.spec, run.spec.step_specs)
    sidecars = merge_sidecars(plan.spec, run.spec.sidecar_specs)
    scripts = _Scripts(run)
    containers = [
        _step(plan, template, steps, index, scripts.place(step, index))
        for index, step in enumerate(steps)
    ]
    beside = [
        _named(at.SIDECAR_PREFIX + one.name, scripts.place_sidecar(one, index))
        for index, one in enumerate(sidecars)
    ]
    if plan.flags.results_from == FROM_SIDECAR_LOGS and _has_results(plan.spec):
        beside.append(_results_sidecar(plan))
    return Pod(
        metadata=_metadata(plan),
        spec=PodSpec(
            restart_policy="Never",
            init_containers=_init_containers(plan, containers, steps, scripts.files),
            containers=[*containers, *beside],
            volumes=make_volumes(plan, template, len(steps), scripts=bool(scripts.files)),
            service_account_name=run.spec.service_account_name or plan.defaults.service_account,
            active_deadline_seconds=_deadline(plan),
            **_from_template(template),
        ),
    )


def _metadata(plan: PodPlan) -> ObjectMeta:
    run = plan.run
    annotations = {k: v for k, v in run.metadata.annotations.items() if k != LAST_APPLIED}
    annotations[RELEASE_ANNOTATION] = release()
    if plan.is_ready_at_once:
        annotations[READY_ANNOTATION] = READY
    return ObjectMeta(
        name=pod_name(run),
        namespace=run.metadata.namespace,
        owner_references=[owner_reference(run)],
        annotations=annotations,
        labels={
            **run.metadata.labels,
            TASK_RUN_LABEL: run.metadata.name[:_NAME_LIMIT],
            TASK_RUN_UID_LABEL: run.metadata.uid,
            MANAGED_BY_LABEL: plan.defaults.managed_by,
        },
    )


def _deadline(plan: PodPlan) -> int:
    """Longer than the run may take: it is a net, not the rule."""
    timeout = plan.run.spec.timeout
    timeout = plan.defaults.timeout if timeout is None else timeout
    if not timeout:
        return NO_DEADLINE_SECONDS
    seconds = (timeout * _DEADLINE_FACTOR) / timedelta(seconds=1)
    return max(1, min(NO_DEADLINE_SECONDS, int(seconds)))


def _from_template(template: PodTemplate) -> dict[str, Any]:
    return {
        "node_selector": template.node_selector,
        "tolerations": template.tolerations,
        "affinity": template.affinity,
        "security_context": template.security_context,
        "runtime_class_name": template.runtime_class_name,
        "automount_service_account_token": template.automount_service_account_token,
        "dns_policy": template.dns_policy or "",
        "dns_config": template.dns_config,
        "enable_service_links": template.enable_service_links,
        "priority_class_name": template.priority_class_name or "",
        "scheduler_name": template.scheduler_name,
        "image_pull_secrets": template.image_pull_secrets,
        "host_aliases": template.host_aliases,
        "host_network": template.host_network,
        "topology_spread_constraints": template.topology_spread_constraints,
    }


# --- steps ----------------------------------------------------------------------------------------


def _named(name: str, container: Container) -> Container:
    return container.model_copy(update={"name": name[:_NAME_LIMIT].rstrip("-.")})


def _step(
    plan: PodPlan, template: PodTemplate, steps: Sequence[Step], index: int, container: Container
) -> Container:
    step, place = steps[index], StepPlace(index)
    program, words = container.command[:1], [*container.command[1:], *container.args]
    arguments = StepArguments(
        wait_file=_wait_file(plan, index),
        wait_for_content=index == 0 and not plan.is_ready_at_once,
        post_file=place.post_file,
        termination_path=at.TERMINATION_PATH,
        step_metadata_dir=place.status_dir,
        credentials=tuple(flag for use in plan.secrets for flag in use.flags),
        result_from=FROM_SIDECAR_LOGS if plan.flags.results_from == FROM_SIDECAR_LOGS else "",
        compress=plan.flags.compress_messages,
        on_error=step.on_error,
        timeout=step.timeout,
        stdout_path=step.stdout_config.path if step.stdout_config else "",
        stderr_path=step.stderr_config.path if step.stderr_config else "",
        step_results=tuple(r.name for r in step.results),
        when=tuple(w.to_wire() for w in step.when),
        results=tuple(r.name for r in plan.spec.results if r.value is None),
        entrypoint=program[0] if program else "",
        words=tuple(words),
    )
    env = [e for e in template.env if e.name not in plan.defaults.forbidden_env]
    made = _named(
        at.step_container(step.name, index),
        container.model_copy(
            update={
                "command": [ENTRYPOINT],
                "args": arguments.render(),
                "env": _environment(plan, container, env),
                "working_dir": container.working_dir or (WORKSPACE_DIR if plan.legacy_home else ""),
                "termination_message_path": at.TERMINATION_PATH,
            }
        ),
    )
    made.volume_mounts = make_mounts(plan, made.volume_mounts, index)
    return made


def _environment(plan: PodPlan, container: Container, over: Sequence[EnvVar]) -> list[EnvVar]:
    """The step's own variables, those of the pod template behind them since they win."""
    own = list(container.env)
    if plan.legacy_home and all(e.name != "HOME" for e in own):
        own.insert(0, EnvVar(name="HOME", value=OLD_HOME_DIR))
    if plan.is_hermetic:
        over = [*over, EnvVar(name=at.HERMETIC_VARIABLE, value="1")]
    named = {e.name for e in over}
    return [*(e for e in own if e.name not in named), *over]


def _wait_file(plan: PodPlan, index: int) -> str:
    if index:
        return StepPlace(index - 1).post_file
    return "" if plan.is_ready_at_once else at.READY_FILE


# --- results of any size --------------------------------------------------------------------------


def _has_results(spec: TaskSpec) -> bool:
    return bool(spec.results) or bool(_steps_with_artifacts(spec))


def _steps_with_artifacts(spec: TaskSpec) -> list[str]:
    """Containers of the steps that mention where their artifacts are to be told."""
    found = []
    for index, step in enumerate(spec.steps):
        name = at.step_container(step.name, index)
        path = f"{at.STEPS_DIR}/{name}/artifacts/{at.PROVENANCE}"
        texts = (step.script, *step.args, *step.command, *(e.value or "" for e in step.env))
        if any(path in text for text in texts):
            found.append(name)
    return found


def _results_sidecar(plan: PodPlan) -> Container:
    """What reads results and tells them in its log, where no message limits their size."""
    own = {
        at.step_container(step.name, index): [r.name for r in step.results]
        for index, step in enumerate(plan.spec.steps)
        if step.results
    }
    command = [at.RESULTS_PROGRAM, "-results-dir", at.RESULTS_DIR]
    command += ["-result-names", ",".join(r.name for r in plan.spec.results)]
    command += ["-step-names", ",".join(_steps_with_artifacts(plan.spec))]
    command += ["-step-results", orjson.dumps(own).decode()]
    return Container(
        name=at.RESULTS_SIDECAR,
        image=plan.images.results,
        command=command,
        volume_mounts=[
            make_mount(at.RESULTS_VOLUME, at.RESULTS_DIR),
            make_mount(at.RUN_VOLUME, at.RUN_DIR, read_only=True),
            make_mount(at.STEPS_VOLUME, at.STEPS_DIR, read_only=True),
        ],
    )


# --- scripts --------------------------------------------------------------------------------------


class _Scripts:
    """Collects the scripts of a Pod, under names that are the same each time it is made."""

    def __init__(self, run: TaskRun) -> None:
        self.files: list[ScriptFile] = []
        self._uid = run.metadata.uid

    def place(self, step: Step, index: int) -> Container:
        """The container of a step, with its script as the program if it has one."""
        return self._place(step_container(step), step.script, f"script-{index}")

    def place_sidecar(self, sidecar: Sidecar, index: int) -> Container:
        """The container of a sidecar, likewise."""
        return self._place(sidecar_container(sidecar), sidecar.script, f"sidecar-script-{index}")

    def _place(self, container: Container, script: str, name: str) -> Container:
        if not script:
            return container
        digest = hashlib.sha256(f"{self._uid}/{name}".encode()).hexdigest()
        path = f"{at.SCRIPTS_DIR}/{name}-{safe_encode(digest)[:5]}"
        self.files.append(ScriptFile(path, with_shebang(script)))
        mount = make_mount(at.SCRIPTS_VOLUME, at.SCRIPTS_DIR, read_only=True)
        return container.model_copy(
            update={"command": [path], "volume_mounts": [*container.volume_mounts, mount]}
        )


# --- init containers and volumes ------------------------------------------------------------------


def _init_containers(
    plan: PodPlan,
    containers: Sequence[Container],
    steps: Sequence[Step],
    scripts: Sequence[ScriptFile],
) -> list[Container]:
    names = [at.step_container(step.name, index) for index, step in enumerate(steps)]
    found = [
        Container(
            name=at.PREPARE,
            image=plan.images.entrypoint,
            working_dir="/",
            command=[at.INIT_PROGRAM, "init", at.INIT_PROGRAM, ENTRYPOINT, *names],
            volume_mounts=[
                make_mount(at.BIN_VOLUME, at.BIN_DIR),
                make_mount(at.STEPS_VOLUME, at.STEPS_DIR),
            ],
        )
    ]
    if scripts:
        found.append(
            Container(
                name=at.PLACE_SCRIPTS,
                image=plan.images.shell,
                command=["sh"],
                args=["-c", render_scripts(scripts)],
                volume_mounts=[
                    make_mount(at.SCRIPTS_VOLUME, at.SCRIPTS_DIR),
                    make_mount(at.BIN_VOLUME, at.BIN_DIR),
                ],
            )
        )
    directories = sorted({c.working_dir for c in containers if is_to_be_made(c.working_dir)})
    if directories:
        found.append(
            Container(
                name=at.WORKING_DIRS,
                image=plan.images.working_dirs,
                command=[at.WORKING_DIRS_PROGRAM],
                args=directories,
                working_dir=at.WORKSPACE_DIR,
                volume_mounts=implicit_mounts(plan.flags),
            )
        )
    return found
