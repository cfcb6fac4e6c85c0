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
    initialized = all(_succeeded(s) for s in init)
    phase = _phase(pod, init, main, initialized=initialized)
    reason, message = "", ""
    if failure is not None:
        phase, (reason, message) = PodPhase.FAILED, failure
    over = phase in (PodPhase.SUCCEEDED, PodPhase.FAILED)
    unready = [s.name for s in main if not s.ready]
    status = PodStatus(
        observed_generation=pod.metadata.generation,
        phase=str(phase),
        reason=reason,
        message=message,
        host_ip=host_ip,
        host_ips=[HostIP(ip=host_ip)],
        pod_ip=pod_ip,
        pod_ips=[PodIP(ip=pod_ip)] if pod_ip else [],
        start_time=pod.status.start_time or started_at,
        init_container_statuses=[s.to_status() for s in init],
        container_statuses=[s.to_status() for s in main],
        qos_class=pod.status.qos_class,
    )
    why_unready = ("PodCompleted", "") if over else _unready("ContainersNotReady", unready)
    ready = not unready and not over and initialized
    why_uninitialized = _uninitialized([s.name for s in init if not _succeeded(s)])
    wanted = [
        ("Initialized", initialized, why_uninitialized),
        ("PodReadyToStartContainers", bool(pod_ip) and not over, ("", "")),
        ("ContainersReady", ready, why_unready),
        ("Ready", ready, why_unready),
        ("PodScheduled", True, ("", "")),
    ]
    status.conditions = [
        _condition(pod, kind, holds=holds, why=why, now=now) for kind, holds, why in wanted
    ]
    return status


def _succeeded(snapshot: ContainerSnapshot) -> bool:
    return snapshot.terminated is not None and snapshot.terminated.exit_code == 0


def _phase(
    pod: Pod,
    init: Sequence[ContainerSnapshot],
    main: Sequence[ContainerSnapshot],
    *,
    initialized: bool,
) -> PodPhase:
    if any(s.final and not _succeeded(s) for s in init):
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
