"""What is told about instances that do not become ready."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.cli.troubles import latest_message, troubles_of_pods, troubles_of_revision


def a_pod(name: str = "web", **container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "status": {"containerStatuses": [{"ready": False, "restartCount": 0, **container}]},
    }


PROBE = "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"
OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
ERROR = {"terminated": {"reason": "Error", "exitCode": 3, "message": "no database\n"}}
LOST = {"terminated": {"reason": "ContainerStatusUnknown", "exitCode": 137}}
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"ready": True, "state": {"running": {}}}, []),
        ({"state": {"running": {}}}, [f"web: {PROBE}"]),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, [f"web: {PROBE}"]),
        ({"state": PULL}, ["web: ImagePullBackOff: Back-off pulling image"]),
        (
            {"state": BACK_OFF, "lastState": ERROR, "restartCount": 2},
            ["web: ended with Error (exit code 3), started again 2 times: no database"],
        ),
        ({"state": {"running": {}}, "lastState": LOST, "restartCount": 1}, [f"web: {PROBE}"]),
        (
            {"ready": True, "state": {"running": {}}, "lastState": OOM, "restartCount": 1},
            ["web: ended with OOMKilled (exit code 137), started again 1 time"],
        ),
    ],
)
def test_each_way_to_be_not_ready_is_told(container: dict[str, Any], told: list[str]) -> None:
    """The end of a program says more than that it is not started again yet."""
    assert troubles_of_pods([a_pod(**container)], {"uid-web": PROBE}) == told


def test_a_program_that_a_probe_ended_is_told_with_the_probe() -> None:
    """It ended by itself as far as it can see: completed, with 0."""
    ended = {"terminated": {"reason": "Completed", "exitCode": 0}}
    pod = a_pod(ready=True, state={"running": {}}, lastState=ended, restartCount=1)

    assert troubles_of_pods([pod], {"uid-web": "Liveness probe failed: 500"}) == [
        "web: ended with Completed (exit code 0), started again 1 time; Liveness probe failed: 500"
    ]


def test_what_ails_several_instances_is_told_once() -> None:
    """They are alike."""
    pods = [a_pod("one", state=PULL), a_pod("two", state=PULL)]

    assert troubles_of_pods(pods, {}) == ["one: ImagePullBackOff: Back-off pulling image"]


def test_a_failed_revision_says_why() -> None:
    """Such as a quota, which leaves no instance to ask."""
    ready = {"type": "Ready", "status": "False", "reason": "FailedCreate", "message": "quota"}

    assert troubles_of_revision({"status": {"conditions": [ready]}}) == ["FailedCreate: quota"]
    assert troubles_of_revision({"status": {"conditions": [ready | {"status": "True"}]}}) == []


def test_the_newest_message_counts() -> None:
    """Events are kept for an hour, in no order."""
    new, old = {"lastTimestamp": "2026-01-02T00:00:00Z"}, {"lastTimestamp": "2026-01-01T00:00:00Z"}

    assert latest_message([new | {"message": "new"}, old | {"message": "old"}]) == "new"
    assert latest_message([]) == ""
