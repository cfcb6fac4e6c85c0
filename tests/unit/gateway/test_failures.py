"""When waiting for an instance is in vain."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.core import Pod
from wakeful.apis.core.pod_endings import ended_after_ready
from wakeful.apis.serving import Revision
from wakeful.client import Change
from wakeful.gateway.planner.failures import restart_failure, start_failure

CRASHED = {"exitCode": 1, "message": "no database"}


def at(second: int) -> str:
    return f"2026-01-02T03:04:{second:02}Z"


def revision(**conditions: str) -> Revision:
    listed = [
        {"type": kind, "status": "False", "reason": reason, "message": f"why {reason}"}
        for kind, reason in conditions.items()
    ]
    return Revision.from_wire({"metadata": {"name": "r"}, "status": {"conditions": listed}})


def a_pod(
    *,
    ready: bool = False,
    since: int = 1,
    started: int | None = None,
    initialized: int = 1,
    uid: str = "one",
    **ended: Any,
) -> Pod:
    """``started`` is when the run began that is over; none when there was none."""
    status: dict[str, Any] = {"name": "user-container"}
    if started is not None:
        status["lastState"] = {"terminated": {"startedAt": at(started), **CRASHED, **ended}}
    conditions = [
        {"type": "Initialized", "status": "True", "lastTransitionTime": at(initialized)},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": at(since)},
    ]
    return Pod.from_wire(
        {
            "metadata": {"name": uid, "uid": uid},
            "status": {
                "phase": "Running",
                "conditions": conditions,
                "containerStatuses": [status],
            },
        }
    )


NEW = a_pod()
CRASHED_AT_START = a_pod(started=1)
CRASHED_BEFORE_IT_WAS_REPORTED = a_pod(started=1, since=2, initialized=2)
CRASHED_AFTER_SLOW_INIT = a_pod(started=9, since=1, initialized=9)
SERVING = a_pod(ready=True, since=3)
RESTARTED = a_pod(started=2, since=30)
RESTARTED_AND_CRASHED = a_pod(started=30, since=30)
BACK_AGAIN = a_pod(started=2, ready=True, since=32)
LOST = a_pod(started=2, since=30, reason="ContainerStatusUnknown")


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (NEW, False),
        (CRASHED_AT_START, False),
        (CRASHED_BEFORE_IT_WAS_REPORTED, False),
        (CRASHED_AFTER_SLOW_INIT, False),
        (SERVING, False),
        (RESTARTED, True),
        (RESTARTED_AND_CRASHED, False),
        (BACK_AGAIN, False),
        (LOST, False),
        (Pod(), False),
    ],
)
def test_ending_of_what_served_is_told_from_a_crash_at_the_start(pod: Pod, expected: bool) -> None:
    assert ended_after_ready(pod) is expected


def test_failure_is_told_when_it_happens_and_once() -> None:
    fine, crashed = revision(), revision(ContainerHealthy="ExitCode1")

    assert start_failure(Change(fine, crashed), [CRASHED_AT_START]) == "why ExitCode1"
    assert start_failure(Change(crashed, crashed), [CRASHED_AT_START]) == ""
    assert start_failure(Change(fine, revision(Active="NoTraffic")), []) == ""
    assert start_failure(Change(fine, revision(Active="TimedOut")), []) == "why TimedOut"


@pytest.mark.parametrize("pod", [RESTARTED, SERVING, BACK_AGAIN])
def test_exit_is_no_failure_while_who_served_is_started_again(pod: Pod) -> None:
    crashed = Change(revision(), revision(ContainerHealthy="ExitCode0"))

    assert start_failure(crashed, [CRASHED_AT_START, pod]) == ""


@pytest.mark.parametrize(
    "trouble",
    [{"ResourcesAvailable": "ImagePullBackOff"}, {"ContainerHealthy": "ContainerMissing"}],
)
def test_other_troubles_are_failures_whoever_is_started_again(trouble: dict[str, str]) -> None:
    assert start_failure(Change(revision(), revision(**trouble)), [RESTARTED]) != ""


@pytest.mark.parametrize("old", [NEW, CRASHED_AT_START, RESTARTED])
def test_who_does_not_come_up_is_not_waited_for(old: Pod) -> None:
    """The Revision tells the same as after the first ending, so it is for the Pod to tell."""
    change = Change(old, RESTARTED_AND_CRASHED)

    assert restart_failure(change, [RESTARTED_AND_CRASHED]) == "Container failed with: no database"


@pytest.mark.parametrize(
    ("other", "waits"),
    [
        (a_pod(uid="two"), True),
        (a_pod(ready=True, uid="two"), True),
        (a_pod(started=2, since=30, uid="two"), True),
        (a_pod(started=1, uid="two"), False),
    ],
)
def test_who_does_not_come_up_is_no_failure_while_another_may(other: Pod, waits: bool) -> None:
    change = Change(RESTARTED, RESTARTED_AND_CRASHED)

    assert (restart_failure(change, [RESTARTED_AND_CRASHED, other]) == "") is waits


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (SERVING, RESTARTED),
        (RESTARTED, RESTARTED),
        (RESTARTED, BACK_AGAIN),
        (RESTARTED_AND_CRASHED, RESTARTED_AND_CRASHED),
        (RESTARTED, None),
        (None, RESTARTED_AND_CRASHED),
    ],
)
def test_other_changes_of_a_pod_are_no_failures(old: Pod | None, new: Pod | None) -> None:
    assert restart_failure(Change(old, new), [new] if new is not None else []) == ""
