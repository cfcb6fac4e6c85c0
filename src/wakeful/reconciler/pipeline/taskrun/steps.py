"""From the steps of a task to containers, before anything of ours goes around them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from wakeful.apis.core.pod_types import Container, ResourceRequirements
from wakeful.apis.pipeline import Sidecar, Step, StepTemplate, TaskSpec
from wakeful.apis.pipeline.taskrun_types import TaskRunStepSpec

T = TypeVar("T")


def merge_steps(spec: TaskSpec, overrides: Sequence[TaskRunStepSpec]) -> list[Step]:
    """The steps over their template, with the resources that this run gives them."""
    by_name = {one.name: one.compute_resources for one in overrides}
    steps = [_over_template(step, spec.step_template) for step in spec.steps]
    return [
        step.model_copy(
            update={"compute_resources": _over(step.compute_resources, by_name.get(step.name))}
        )
        for step in steps
    ]


def merge_sidecars(spec: TaskSpec, overrides: Sequence[TaskRunStepSpec]) -> list[Sidecar]:
    """The sidecars with the resources that this run gives them."""
    by_name = {one.name: one.compute_resources for one in overrides}
    return [
        one.model_copy(
            update={"compute_resources": _over(one.compute_resources, by_name.get(one.name))}
        )
        for one in spec.sidecars
    ]


def _over_template(step: Step, template: StepTemplate | None) -> Step:
    """A step over a template, as a strategic merge would: lists by their keys, maps member-wise."""
    if template is None:
        return step
    return step.model_copy(
        update={
            "image": step.image or template.image,
            "command": step.command or ([] if step.script else template.command),
            "args": step.args or template.args,
            "working_dir": step.working_dir or template.working_dir,
            "env_from": step.env_from or template.env_from,
            "env": _by(template.env, step.env, lambda e: e.name),
            "compute_resources": _over(template.compute_resources, step.compute_resources),
            "volume_mounts": _by(
                template.volume_mounts, step.volume_mounts, lambda m: m.mount_path
            ),
            "volume_devices": _by(
                template.volume_devices, step.volume_devices, lambda d: d.device_path
            ),
            "image_pull_policy": step.image_pull_policy or template.image_pull_policy,
            "security_context": _merged(template, step),
        }
    )


def _merged(template: StepTemplate, step: Step) -> object:
    if template.security_context is None or step.security_context is None:
        return step.security_context or template.security_context
    changed = {
        name: value
        for name in type(step.security_context).model_fields
        if (value := getattr(step.security_context, name)) is not None
    }
    return template.security_context.model_copy(update=changed)


def _by(base: Iterable[T], over: Iterable[T], key: Callable[[T], Hashable]) -> list[T]:
    """``over`` in place of what has the same key in ``base``, the rest of it behind."""
    merged = {key(item): item for item in base}
    merged.update((key(item), item) for item in over)
    return list(merged.values())


def _over(
    base: ResourceRequirements, override: ResourceRequirements | None
) -> ResourceRequirements:
    if override is None:
        return base
    return ResourceRequirements(
        limits=base.limits | override.limits,
        requests=base.requests | override.requests,
        claims=override.claims or base.claims,
    )


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
