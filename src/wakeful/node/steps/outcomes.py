"""How a step ended, from how its program did. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wakeful.node.runtime import ContainerState, ContainerStatus
from wakeful.node.steps.record import StepOutcome
from wakeful.pipelines.entrypoint import (
    MESSAGE_LIMIT_BYTES,
    MessageTooLongError,
    ResultKind,
    RunResult,
    StepArguments,
    render_message,
)
from wakeful.pipelines.entrypoint.arguments import FROM_SIDECAR_LOGS

TIMED_OUT, SKIPPED, CANCELLED = "TimeoutExceeded", "Skipped", "Cancelled"
LARGE_RESULTS_BYTES = 1_572_863
"""What a step may tell when the limit of a message does not hold: below 1.5 MiB, as upstream."""

_CANCELLED_CODE = 9
_LOST_CODE = 137


@dataclass(frozen=True, slots=True)
class Ending:
    """An outcome, and what to do beside recording it."""

    outcome: StepOutcome
    exit_code_file: str | None = None
    """Content of the file that later steps can read; None for no file."""
    log_lines: Sequence[str] = field(default=())


def skipped(now: datetime, image_id: str, *, why: str) -> Ending:
    """A step that never began, since an earlier one failed or nobody wants it any more."""
    message = render_message([_started(now), _reason(SKIPPED)])
    outcome = StepOutcome(
        exit_code=1,
        reason="Error",
        message=message,
        passed=False,
        started_at=now,
        finished_at=now,
        image_id=image_id,
    )
    return Ending(outcome, log_lines=[why])


def passed_over(now: datetime, image_id: str) -> Ending:
    """A step whose ``when`` does not hold; later ones start."""
    outcome = StepOutcome(
        exit_code=0,
        reason="Completed",
        message=render_message([_started(now), _reason(SKIPPED)]),
        passed=True,
        started_at=now,
        finished_at=now,
        image_id=image_id,
    )
    line = "Step was skipped due to when expressions were evaluated to false."
    return Ending(outcome, exit_code_file="0", log_lines=[line])


def ended(
    arguments: StepArguments,
    final: ContainerStatus,
    results: Sequence[RunResult],
    *,
    now: datetime,
    image_id: str,
    interrupted: str = "",
) -> Ending:
    """A step whose program ended.

    ``interrupted`` says why it was killed by us: ``TIMED_OUT``, ``CANCELLED`` or nothing. A failure
    that is to be ignored shows as exit code 0, with its own code in the message.
    """
    code = 1 if final.exit_code is None else final.exit_code
    reason, passed, lines = ("Completed" if code == 0 else "Error"), code == 0, []
    about = [_started(final.started_at)]
    code_file = "0" if code == 0 else None
    if final.state is ContainerState.UNKNOWN:
        code, reason, passed, code_file = _LOST_CODE, "ContainerStatusUnknown", False, None
    elif interrupted == TIMED_OUT:
        code, reason, passed, code_file = 1, "Error", False, None
        about.append(_reason(TIMED_OUT))
        lines.append("context deadline exceeded")
    elif interrupted == CANCELLED:
        code, reason, passed, code_file = _CANCELLED_CODE, "Error", False, "killed"
        about.append(_reason(CANCELLED))
        lines.append("Step was cancelled")
    elif final.oom_killed:
        reason, passed, code_file = "OOMKilled", False, None
    elif final.start_error:
        code, reason, passed, code_file = 1, "Error", False, None
        lines.append(f"Error executing command: {final.start_error}")
    elif code != 0 and arguments.continues_on_error:
        about.append(RunResult("ExitCode", str(code), ResultKind.INTERNAL))
        code, reason, passed, code_file = 0, "Completed", True, str(code)
    try:
        message = _message(arguments, [*about, *results])
    except MessageTooLongError as err:
        code, reason, passed, message = 1, "Error", False, _message(arguments, about)
        lines.append(str(err))
    outcome = StepOutcome(
        exit_code=code,
        reason=reason,
        message=message,
        passed=passed,
        signal=final.signal if code not in (0, 1) else None,
        started_at=final.started_at,
        finished_at=final.finished_at or now,
        image_id=image_id,
    )
    return Ending(outcome, code_file, lines)


def _message(arguments: StepArguments, entries: Sequence[RunResult]) -> str:
    large = arguments.result_from == FROM_SIDECAR_LOGS
    limit = LARGE_RESULTS_BYTES if large else MESSAGE_LIMIT_BYTES
    return render_message(entries, compress=arguments.compress, limit_bytes=limit)


def _started(at: datetime) -> RunResult:
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return RunResult("StartedAt", stamp, ResultKind.INTERNAL)


def _reason(reason: str) -> RunResult:
    return RunResult("Reason", reason, ResultKind.INTERNAL)
