"""A Pod's status from what its containers do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wakeful.apis.core.pod_types import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    Pod,
    PodCondition,
    PodIP,
    PodPhase,
    PodStatus,
)


@dataclass(slots=True)
class ContainerSnapshot:
    """One container as its runner sees it now."""

    name: str
    image: str
    state: ContainerState = field(
        default_factory=lambda: ContainerState(
            waiting=ContainerStateWaiting(reason="ContainerCreating")
        )
    )
    last_state: ContainerState | None = None
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    image_id: str = ""
    container_id: str = ""
    final: bool = False
    """Terminated, and it will not be started again."""
    sidecar: bool = False
    """An init container that goes on beside the others: it need not end, only start."""

    @property
    def terminated(self) -> ContainerStateTerminated | None:
        """How it ended, while it has."""
        return self.state.terminated

    def to_status(self) -> ContainerStatus:
        """The wire form."""
        return ContainerStatus(
            name=self.name,
            state=self.state,
            last_state=self.last_state or ContainerState(),
            ready=self.ready,
            restart_count=self.restart_count,
            image=self.image,
            image_id=self.image_id,
            container_id=self.container_id,
            started=self.started,
        )


def waiting(reason: str, message: str = "") -> ContainerState:
    """A state: not running, and why."""
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))


def running(since: datetime) -> ContainerState:
    """A state: running."""
    return ContainerState(running=ContainerStateRunning(started_at=since))


def terminated(
    *,
    exit_code: int,
    signal: int | None,
    reason: str,
    message: str,
    started_at: datetime,
    finished_at: datetime,
    container_id: str,
) -> ContainerState:
    """A state: ended, and how."""
    return ContainerState(
        terminated=ContainerStateTerminated(
            exit_code=exit_code,
            signal=signal or 0,
            reason=reason,
            message=message,
            started_at=started_at,
            finished_at=finished_at,
            container_id=container_id,
        )
    )


def make_pod_status(
    pod: Pod,
    init: Sequence[ContainerSnapshot],
    main: Sequence[ContainerSnapshot],
    *,
    pod_ip: str,
    host_ip: str,
    started_at: datetime,
    now: datetime,
    failure: tuple[str, str] | None = None,
) -> PodStatus:
    """Roll the containers up into phase and conditions.

    ``failure`` is a reason and message for a Pod that ended as a whole (``DeadlineExceeded``,
    ``Evicted``); transition times are kept from ``pod.status`` where nothing changed.
    """
    # Once a container proper has run, nothing that ends undoes what came before it.
    initialized = any(s.container_id for s in main) or all(_initialized(s) for s in init)
    phase = _phase(pod, init, main, initialized=initialized)
    reason, message = "", ""
    if failure is not None:
        phase, (reason, message) = PodPhase.FAILED, failure
    over = phase in (PodPhase.SUCCEEDED, PodPhase.FAILED)
    conditions = _conditions(
        pod, init, main, initialized=initialized, over=over, has_ip=bool(pod_ip), now=now
    )
    return pod.status.model_copy(
        update={
            "observed_generation": pod.metadata.generation,
            "phase": str(phase),
            "reason": reason,
            "message": message,
            "host_ip": host_ip,
            "host_ips": [HostIP(ip=host_ip)],
            "pod_ip": pod_ip,
            "pod_ips": [PodIP(ip=pod_ip)] if pod_ip else [],
            "start_time": pod.status.start_time or started_at,
            "init_container_statuses": [s.to_status() for s in init],
            "container_statuses": [s.to_status() for s in main],
            "conditions": conditions,
        }
    )


def _conditions(
    pod: Pod,
    init: Sequence[ContainerSnapshot],
    main: Sequence[ContainerSnapshot],
    *,
    initialized: bool,
    over: bool,
    has_ip: bool,
    now: datetime,
) -> list[PodCondition]:
    """The kubelet's conditions, and those of others as they are."""
    unready = [s.name for s in (*init, *main) if not s.ready and (s.sidecar or s in main)]
    why_unready = ("PodCompleted", "") if over else _unready("ContainersNotReady", unready)
    ready = not unready and not over and initialized
    closed = _closed_gates(pod)
    why_closed = why_unready if not ready else ("ReadinessGatesNotReady", "\n".join(closed))
    why_uninitialized = _uninitialized([s.name for s in init if not _initialized(s)])
    wanted = [
        ("Initialized", initialized, why_uninitialized),
        ("PodReadyToStartContainers", has_ip and not over, ("", "")),
        ("ContainersReady", ready, why_unready),
        ("Ready", ready and not closed, why_closed),
        ("PodScheduled", True, ("", "")),
    ]
    own = {kind for kind, _, _ in wanted}
    return [
        *(_condition(pod, kind, holds=holds, why=why, now=now) for kind, holds, why in wanted),
        *(c for c in pod.status.conditions if c.type not in own),
    ]


def _closed_gates(pod: Pod) -> list[str]:
    """Why the Pod is not ready although its containers are: conditions that others have to set."""
    closed = []
    for gate in pod.spec.readiness_gates:
        kind = gate.condition_type
        found = pod.status.condition(kind)
        if found is None:
            closed.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found.status != "True":
            closed.append(
                f'the status of pod readiness gate "{kind}" is not "True", but {found.status}'
            )
    return closed


def _initialized(snapshot: ContainerSnapshot) -> bool:
    return snapshot.started if snapshot.sidecar else _succeeded(snapshot)


def _succeeded(snapshot: ContainerSnapshot) -> bool:
    return snapshot.terminated is not None and snapshot.terminated.exit_code == 0


def _phase(
    pod: Pod,
    init: Sequence[ContainerSnapshot],
    main: Sequence[ContainerSnapshot],
    *,
    initialized: bool,
) -> PodPhase:
    if any(s.final and not _succeeded(s) for s in init if not s.sidecar):
        return PodPhase.FAILED
    if not initialized or all(not s.container_id for s in main):
        return PodPhase.PENDING
    if main and all(s.final for s in main):
        if all(_succeeded(s) for s in main):
            return PodPhase.SUCCEEDED
        return PodPhase.FAILED
    if pod.spec.restart_policy != "Always" and any(
        s.state.waiting is not None and not s.container_id for s in main
    ):
        return PodPhase.PENDING
    return PodPhase.RUNNING


def _unready(reason: str, names: Sequence[str]) -> tuple[str, str]:
    return (reason, f"containers with unready status: [{' '.join(names)}]")


def _uninitialized(names: Sequence[str]) -> tuple[str, str]:
    return (
        "ContainersNotInitialized",
        f"containers with incomplete status: [{' '.join(names)}]",
    )


def _condition(
    pod: Pod, kind: str, *, holds: bool, why: tuple[str, str], now: datetime
) -> PodCondition:
    old = pod.status.condition(kind)
    status = "True" if holds else "False"
    reason, message = ("", "") if holds else why
    since = now
    if old is not None and old.status == status and old.last_transition_time is not None:
        since = old.last_transition_time
    return PodCondition(
        type=kind,
        status=status,
        last_transition_time=since,
        reason=reason,
        message=message,
        observed_generation=pod.metadata.generation,
    )
