"""What a pod that does not come up says about why."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.apps import Deployment
from wakeful.apis.core.pod_endings import LOST
from wakeful.apis.core.pod_types import POD_SCHEDULED, Pod
from wakeful.apis.serving import register
from wakeful.apis.serving.revision_lifecycle import RevisionReason, RevisionStatus

_HOPELESS = frozenset(
    (
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    )
)
"""Why containers wait when nothing but a change by the user is likely to help."""


def revision_of(pod: Pod) -> Iterable[NamespacedName]:
    """The Revision to look at again, if the pod has trouble worth telling."""
    name = pod.metadata.labels.get(register.REVISION)
    return (NamespacedName(pod.metadata.namespace, name),) if name and has_trouble(pod) else ()


def has_trouble(pod: Pod) -> bool:
    """Whether anything ended, cannot be started, or cannot be scheduled."""
    scheduled = pod.status.condition(POD_SCHEDULED)
    if scheduled is not None and scheduled.status == "False":
        return True
    return any(
        (status.last_state is not None and status.last_state.terminated is not None)
        or (status.state is not None and status.state.waiting is not None)
        for status in pod.status.container_statuses
    )


def report_trouble(
    status: RevisionStatus, pod: Pod, *, late: bool, always_schedulable: bool
) -> None:
    """Set the Revision's conditions from one of its pods.

    A container that waits counts as failed when ``late`` says that the Deployment gave up, or at
    once when its reason is one that time does not mend: whoever mistyped an image or forgot a
    Secret should not have to sit out the deadline to be told.
    """
    scheduled = pod.status.condition(POD_SCHEDULED)
    if not always_schedulable and scheduled is not None and scheduled.status == "False":
        status.mark_resources_unavailable(scheduled.reason, scheduled.message)
    for container in pod.status.container_statuses:
        ended = container.last_state.terminated if container.last_state is not None else None
        if ended is not None and ended.reason != LOST:
            status.mark_container_exited(ended.exit_code or 0, ended.message)
            return
        waiting = container.state.waiting if container.state is not None else None
        if waiting is not None and (late or waiting.reason in _HOPELESS):
            status.mark_resources_unavailable(waiting.reason, waiting.message)
            return


def is_late(deployment: Deployment) -> bool:
    """Whether the Deployment exceeded its progress deadline."""
    progressing = deployment.status.condition("Progressing")
    return (
        progressing is not None
        and progressing.status == "False"
        and progressing.reason == RevisionReason.PROGRESS_DEADLINE_EXCEEDED
    )
