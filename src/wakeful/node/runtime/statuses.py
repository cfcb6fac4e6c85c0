"""What a record and procd's word amount to."""

from __future__ import annotations

import os
from pathlib import Path

from wakeful.node.runtime.records import ContainerRecord
from wakeful.node.runtime.types import ContainerState, ContainerStatus
from wakeful.procd.types import ProcessState, ProcessStatus

NOT_STARTED_CODE = 128
"""Exit code of a container whose program was never executed, as the kubelet reports it."""
_TAIL_BYTES = 4096
_MARK = " stderr F bwrap: "


def container_status(
    container: ContainerRecord, process: ProcessStatus | None, *, oom_kills: int
) -> ContainerStatus:
    """Put together one status; ``process`` is None when procd does not know it any more."""
    state, error = ContainerState.UNKNOWN, ""
    exit_code = process.exit_code if process else None
    if process is not None:
        exited = process.state is ProcessState.EXITED
        state = ContainerState.EXITED if exited else ContainerState.RUNNING
        if exited and exit_code == 1:
            error = start_error_of(container.log_path)
            if error:
                exit_code = NOT_STARTED_CODE
    # A sandbox's monitor reports a signal as 128 + number, as a shell does.
    signal = process.signal if process else None
    if signal is None and exit_code is not None and 128 < exit_code <= 128 + 64:
        signal = exit_code - 128
    return ContainerStatus(
        id=container.id,
        sandbox_id=container.id.split("/", 1)[0],
        name=container.name,
        attempt=container.attempt,
        state=state,
        pid=process.pid if process else None,
        started_at=(process.started_at if process else None) or container.created_at,
        finished_at=process.exited_at if process else None,
        exit_code=exit_code,
        signal=signal,
        oom_killed=bool(oom_kills) and exit_code == 137,
        start_error=error,
        log_path=container.log_path,
    )


def start_error_of(log: Path) -> str:
    """Return bubblewrap's complaint when that is the last thing in ``log``, else nothing."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    if not lines or _MARK not in lines[-1]:
        return ""
    return lines[-1].partition(_MARK)[2].replace("execvp", "exec", 1)
