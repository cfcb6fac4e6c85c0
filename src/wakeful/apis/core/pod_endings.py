"""What a Pod tells of how its containers ended. Pure."""

from __future__ import annotations

from wakeful.apis.core.pod_types import (
    POD_INITIALIZED,
    POD_READY,
    ContainerStateTerminated,
    Pod,
)

LOST = "ContainerStatusUnknown"
"""How a container ended when the machine or the platform went down: not by its own fault."""


def last_ending(pod: Pod) -> ContainerStateTerminated | None:
    """How the first container that had to be started again ended before; those lost do not count.

    It is the one by which a Revision's ``ContainerHealthy`` goes.
    """
    for status in pod.status.container_statuses:
        ended = status.last_state.terminated if status.last_state is not None else None
        if ended is not None and ended.reason != LOST:
            return ended
    return None


def ended_after_ready(pod: Pod) -> bool:
    """Whether the Pod was ready when a container ended that is started again: it had been serving.

    A Pod that never was ready has its condition from the same moment as the others, and one whose
    container was started anew since, from before that start. Times are whole seconds: an instance
    that was ready for less than one counts as one that never was.
    """
    ended, ready = last_ending(pod), pod.status.condition(POD_READY)
    initialized = pod.status.condition(POD_INITIALIZED)
    if ended is None or ready is None or ready.status == "True":
        return False
    moments = [ended.started_at, initialized.last_transition_time if initialized else None]
    since = ready.last_transition_time
    return since is not None and all(moment is None or moment < since for moment in moments)
