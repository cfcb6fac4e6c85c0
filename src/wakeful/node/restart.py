"""How a run ended, and whether and when its container is started again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wakeful.apis.core.pod_types import ContainerStateTerminated
from wakeful.apis.core.pod_types import ContainerStatus as PriorStatus
from wakeful.node.runtime import ContainerState, ContainerStatus

BACKOFF_BASE, BACKOFF_CAP, BACKOFF_RESET = 10.0, 300.0, 600.0
"""Seconds: the kubelet's crash back-off, and how long a run must last to be forgiven."""

START_FAILED = 128
"""Exit code of a run whose program was never executed."""


def judge_end(final: ContainerStatus, message: str) -> tuple[int, str, str]:
    """Exit code, reason and message of a run that ended and left ``message``."""
    if final.oom_killed:
        reason = "OOMKilled"
    elif final.start_error:
        return START_FAILED, "StartError", final.start_error
    elif final.state is ContainerState.UNKNOWN:
        gone = "The container could not be located. The container used to be Running"
        return 137, "ContainerStatusUnknown", gone
    else:
        reason = "Error" if final.exit_code != 0 else "Completed"
    return START_FAILED if final.exit_code is None else final.exit_code, reason, message


def should_restart(policy: str, exit_code: int) -> bool:
    """Apply ``restartPolicy``."""
    match policy:
        case "Never":
            return False
        case "OnFailure":
            return exit_code != 0
        case _:
            return True


@dataclass(slots=True)
class CrashBackoff:
    """The wait before each restart: none at first, then 10 s doubling to 5 minutes."""

    restarts: int = 0

    def next_delay(self, ran_seconds: float) -> float:
        """Count one end of a run that lasted ``ran_seconds``; return the wait in seconds."""
        if ran_seconds >= BACKOFF_RESET:
            self.restarts = 0
        delay = 0.0
        if self.restarts:
            delay = min(BACKOFF_CAP, BACKOFF_BASE * 2.0 ** min(self.restarts - 1, 16))
        self.restarts += 1
        return delay


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def ended_run(prior: PriorStatus, sandbox_id: str, log_path: Path) -> ContainerStatus | None:
    """The last run of a container as its status tells, for when nothing else is left of it.

    What was running then has ended in a way nobody knows. None: it is not known to have run.
    """
    state, last = prior.state, prior.last_state
    if state is not None and state.running is not None:
        end, how = ContainerStateTerminated(started_at=state.running.started_at), "Unknown"
    elif state is not None and state.terminated is not None:
        end, how = state.terminated, "Exited"
    elif last is not None and last.terminated is not None:
        end, how = last.terminated, "Exited"
    else:
        return None
    return ContainerStatus(
        id=prior.container_id,
        sandbox_id=sandbox_id,
        name=prior.name,
        attempt=prior.restart_count or 0,
        state=ContainerState(how),
        pid=None,
        started_at=end.started_at or _NEVER,
        finished_at=end.finished_at,
        exit_code=(end.exit_code or 0) if how == "Exited" else None,
        signal=end.signal or None,
        oom_killed=end.reason == "OOMKilled",
        start_error=end.message if end.reason == "StartError" else "",
        log_path=log_path,
    )
