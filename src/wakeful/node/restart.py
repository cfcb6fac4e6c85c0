"""Whether and when a container that ended is started again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

BACKOFF_BASE, BACKOFF_CAP, BACKOFF_RESET = 10.0, 300.0, 600.0
"""Seconds: the kubelet's crash back-off, and how long a run must last to be forgiven."""


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
