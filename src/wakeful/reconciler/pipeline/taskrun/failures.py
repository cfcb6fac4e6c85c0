"""Why a Pod failed, in Tekton's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wakeful.apis.core.pod_types import ContainerStatus, Pod
from wakeful.apis.pipeline import TaskRunReason
from wakeful.pipelines.entrypoint import parse_message
from wakeful.pipelines.names import is_sidecar, is_step

OOM_KILLED, EVICTED = "OOMKilled", "Evicted"
STEP_TIMED_OUT = "TimeoutExceeded"
_FATAL_WAITS = frozenset(
    ("ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError")
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason and a sentence."""

    reason: TaskRunReason
    message: str


def is_oom_killed(status: ContainerStatus) -> bool:
    """Whether the container ended for want of memory."""
    ended = status.state.terminated if status.state is not None else None
    return ended is not None and ended.reason == OOM_KILLED


def _exit_code(status: ContainerStatus) -> int | None:
    ended = status.state.terminated if status.state is not None else None
    return None if ended is None else ended.exit_code or 0


def has_failed(pod: Pod) -> bool:
    """Whether the Pod, or a step in it, did."""
    if pod.status.phase == "Failed":
        return True
    steps = (s for s in pod.status.container_statuses if is_step(s.name))
    return any(_exit_code(s) not in (None, 0) or is_oom_killed(s) for s in steps)


def has_ended(pod: Pod) -> bool:
    """Whether nothing is to be expected of the steps any more; sidecars may still run."""
    if pod.status.phase in ("Succeeded", "Failed"):
        return True
    steps = [s for s in pod.status.container_statuses if is_step(s.name)]
    if any(is_oom_killed(s) for s in steps):
        return True
    return (
        pod.status.phase == "Running"
        and bool(steps)
        and all(_exit_code(s) is not None for s in steps)
    )


def explain(pod: Pod) -> Failure:
    """Say why a Pod failed; a sidecar that crashed comes first, since it is the likely cause."""
    if pod.status.reason == EVICTED:
        return Failure(TaskRunReason.POD_EVICTED, pod.status.message)
    for reason, status in _culprits(pod):
        return Failure(reason, _sentence(status))
    if pod.status.message:
        return Failure(TaskRunReason.FAILED, pod.status.message)
    return Failure(TaskRunReason.FAILED, "build failed for unspecified reasons.")


def _culprits(pod: Pod) -> Iterator[tuple[TaskRunReason, ContainerStatus]]:
    init, main = pod.status.init_container_statuses, pod.status.container_statuses

    def oom(statuses: Iterable[ContainerStatus]) -> list[ContainerStatus]:
        return [s for s in statuses if is_oom_killed(s)]

    def failed(statuses: Iterable[ContainerStatus]) -> list[ContainerStatus]:
        return [s for s in statuses if _exit_code(s) not in (None, 0)]

    order = (
        (TaskRunReason.SIDECAR_OOM, [s for s in oom(init) if is_sidecar(s.name)]),
        (TaskRunReason.INIT_CONTAINER_OOM, [s for s in oom(init) if not is_sidecar(s.name)]),
        (TaskRunReason.SIDECAR_FAILED, [s for s in failed(init) if is_sidecar(s.name)]),
        (TaskRunReason.INIT_CONTAINER_FAILED, [s for s in failed(init) if not is_sidecar(s.name)]),
        (TaskRunReason.SIDECAR_OOM, [s for s in oom(main) if is_sidecar(s.name)]),
        (TaskRunReason.STEP_OOM, [s for s in oom(main) if is_step(s.name)]),
        (TaskRunReason.SIDECAR_FAILED, [s for s in failed(main) if is_sidecar(s.name)]),
        (TaskRunReason.STEP_FAILED, [s for s in failed(main) if is_step(s.name)]),
    )
    for reason, statuses in order:
        for status in statuses:
            yield reason, status


def _sentence(status: ContainerStatus) -> str:
    ended = status.state.terminated if status.state is not None else None
    assert ended is not None
    entries = parse_message(ended.message) if ended.message else None
    if any(e.key == "Reason" and e.value == STEP_TIMED_OUT for e in entries or ()):
        return f'"{status.name}" exited because the step exceeded the specified timeout limit'
    if ended.reason == "ContainerStatusUnknown":
        return f'"{status.name}" was lost while it ran: nobody knows how it ended'
    return f'"{status.name}" exited with code {ended.exit_code or 0}: {ended.reason}'


def waits_in_vain(pod: Pod, run: str) -> Failure | None:
    """A container that will not start, which ends the run; None while there is hope."""
    for status in pod.status.container_statuses:
        waiting = status.state.waiting if status.state is not None else None
        if waiting is None or waiting.reason not in _FATAL_WAITS:
            continue
        kind = "step" if is_step(status.name) else "sidecar"
        name = status.name.removeprefix(f"{kind}-")
        error = f'The pod errored with the message: "{waiting.message}."'
        if waiting.reason in ("ImagePullBackOff", "InvalidImageName"):
            return Failure(
                TaskRunReason.IMAGE_PULL_FAILED,
                f'the {kind} "{name}" in TaskRun "{run}" failed to pull the image'
                f' "{status.image_id}". {error}',
            )
        reason = (
            TaskRunReason.CREATE_CONTAINER_CONFIG_ERROR
            if waiting.reason == "CreateContainerConfigError"
            else TaskRunReason.POD_CREATION_FAILED
        )
        return Failure(reason, f'the {kind} "{name}" in TaskRun "{run}" failed to start. {error}')
    return None


def why_pending(pod: Pod) -> tuple[TaskRunReason, str]:
    """Why a Pod has not begun, for the condition of a run that goes on."""
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.reason == "Unschedulable":
            return (
                TaskRunReason.EXCEEDED_NODE_RESOURCES,
                f"TaskRun Pod exceeded available resources: {condition.message}",
            )
    for status in pod.status.container_statuses:
        waiting = status.state.waiting if status.state is not None else None
        if waiting is not None and waiting.message:
            reason = TaskRunReason.PENDING_POD
            if waiting.reason in ("ErrImagePull", "ImagePullBackOff"):
                reason = TaskRunReason.PULL_IMAGE_FAILED
            name = status.name.removeprefix("step-")
            return reason, f'build step "{name}" is pending with reason "{waiting.message}"'
    for one in pod.status.conditions:
        if one.status != "True" and one.message:
            return (
                TaskRunReason.PENDING_POD,
                f'pod status "{one.type}":"{one.status}"; message: "{one.message}"',
            )
    return TaskRunReason.PENDING_POD, "Pending"
