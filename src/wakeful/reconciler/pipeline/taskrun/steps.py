"""From the steps of a task to containers, before anything of ours goes around them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apis.core.pod_types import Container
from wakeful.apis.pipeline import Sidecar, Step, TaskSpec
from wakeful.apis.pipeline.taskrun_types import TaskRunStepSpec
from wakeful.pipelines.tasks import merge_resources, merge_step_template


def merge_steps(spec: TaskSpec, overrides: Sequence[TaskRunStepSpec]) -> list[Step]:
    """The steps over their template, with the resources that this run gives them."""
    by_name = {one.name: one.compute_resources for one in overrides}
    return [
        step.model_copy(
            update={
                "compute_resources": merge_resources(step.compute_resources, by_name[step.name])
            }
        )
        if step.name in by_name
        else step
        for step in merge_step_template(spec).steps
    ]


def merge_sidecars(spec: TaskSpec, overrides: Sequence[TaskRunStepSpec]) -> list[Sidecar]:
    """The sidecars with the resources that this run gives them."""
    by_name = {one.name: one.compute_resources for one in overrides}
    return [
        one.model_copy(
            update={"compute_resources": merge_resources(one.compute_resources, by_name[one.name])}
        )
        if one.name in by_name
        else one
        for one in spec.sidecars
    ]


def step_container(step: Step) -> Container:
    """A step as a container of its own, without its script."""
    made = Container(
        name=step.name,
        image=step.image,
        command=list(step.command),
        args=list(step.args),
        working_dir=step.working_dir,
        env_from=list(step.env_from),
        env=list(step.env),
        resources=step.compute_resources,
        volume_mounts=list(step.volume_mounts),
        volume_devices=list(step.volume_devices),
        image_pull_policy=step.image_pull_policy,
        security_context=step.security_context,
    )
    if not step.legacy:
        return made
    old = Container.from_wire(step.legacy)
    return made.model_copy(
        update={
            name: getattr(old, name)
            for name in ("ports", "tty", "stdin", "stdin_once", "lifecycle")
            if getattr(old, name)
        }
    )


def sidecar_container(sidecar: Sidecar) -> Container:
    """A sidecar as a container, without its script."""
    return Container(
        name=sidecar.name,
        image=sidecar.image,
        command=list(sidecar.command),
        args=list(sidecar.args),
        working_dir=sidecar.working_dir,
        ports=list(sidecar.ports),
        env_from=list(sidecar.env_from),
        env=list(sidecar.env),
        resources=sidecar.compute_resources,
        volume_mounts=list(sidecar.volume_mounts),
        volume_devices=list(sidecar.volume_devices),
        liveness_probe=sidecar.liveness_probe,
        readiness_probe=sidecar.readiness_probe,
        startup_probe=sidecar.startup_probe,
        lifecycle=sidecar.lifecycle,
        termination_message_path=sidecar.termination_message_path,
        termination_message_policy=sidecar.termination_message_policy,
        image_pull_policy=sidecar.image_pull_policy,
        security_context=sidecar.security_context,
        stdin=sidecar.stdin,
        stdin_once=sidecar.stdin_once,
        tty=sidecar.tty,
    )
