"""What is told about instances that do not become ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.cli.troubles import (
    last_words,
    latest_message,
    pull_under_way,
    stages_of_pods,
    troubles_of,
    troubles_of_pods,
    troubles_of_revision,
)


def a_pod(pod: str = "web", **container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": pod, "uid": f"uid-{pod}"},
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


def failed(reason: str) -> dict[str, Any]:
    """A revision that is not ready for this reason."""
    ready = {"type": "Ready", "status": "False", "reason": reason, "message": "too late"}
    return {"status": {"conditions": [ready]}}


def test_a_deadline_makes_final_what_was_said_so_far() -> None:
    """Any other reason of a revision is what its instance says."""
    pods, complaints = [a_pod(state={"running": {}})], {"uid-web": PROBE}
    late = failed("ProgressDeadlineExceeded")

    assert troubles_of(late, pods, complaints) == [
        "ProgressDeadlineExceeded: too late",
        f"web: {PROBE}",
    ]
    assert troubles_of(failed("ExitCode1"), pods, complaints) == [f"web: {PROBE}"]
    assert troubles_of(failed("ExitCode1"), [], {}) == ["ExitCode1: too late"]


RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
TCP, HTTP = {"tcpSocket": {"port": 8080}}, {"httpGet": {"path": "/up", "port": 81}}


@pytest.mark.parametrize(
    ("state", "probe", "pull", "told"),
    [
        (RUNNING, TCP, "", "does not listen on port 8080 yet, 3 s after its program was started"),
        (RUNNING, HTTP, "", "GET /up at port 81 does not succeed yet, 3 s after its program"),
        (RUNNING, {"grpc": {"port": 1}}, "", "its probe does not succeed yet, 3 s after"),
        (CREATING, TCP, "image a/b:1 is being pulled", "image a/b:1 is being pulled"),
        (CREATING, TCP, "", "being made: its program was not started yet"),
    ],
)
def test_who_is_on_its_way_is_told_how_far(
    state: dict[str, Any], probe: dict[str, Any], pull: str, told: str
) -> None:
    pod = a_pod(name="user", state=state)
    pod["spec"] = {"containers": [{"name": "user", "readinessProbe": probe}]}
    uid = pod["metadata"]["uid"]

    (stage,) = stages_of_pods([pod], {}, {uid: pull}, datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC))

    assert stage.startswith(f"web: {told}")


def test_who_is_ready_or_in_trouble_is_at_no_stage() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert stages_of_pods([a_pod(ready=True, state=RUNNING)], {}, {}, now) == []
    assert stages_of_pods([a_pod(state=PULL)], {}, {}, now) == []
    assert stages_of_pods([a_pod(state=RUNNING)], {"uid-web": PROBE}, {}, now) == []


def test_a_pull_is_over_when_something_else_was_told() -> None:
    begun = {"reason": "Pulling", "message": 'Pulling image "a/b:1"', "lastTimestamp": "1"}

    assert pull_under_way([begun]) == "image a/b:1 is being pulled"
    assert pull_under_way([begun, {"reason": "Pulled", "lastTimestamp": "2"}]) == ""
    assert pull_under_way([{"reason": "Failed", "lastTimestamp": "2"}, begun]) == ""
    assert pull_under_way(
        [{"reason": "Failed", "lastTimestamp": "1"}, begun | {"lastTimestamp": "2"}]
    )
    assert pull_under_way([]) == ""


def test_a_revision_that_was_given_up_tells_the_last_words_of_its_instances() -> None:
    """They are gone, and its own status says no more than that it took too long."""

    def said(pod: str, second: int, message: str) -> dict[str, Any]:
        moment = f"2026-01-01T00:00:0{second}Z"
        return {"involvedObject": {"name": pod}, "lastTimestamp": moment, "message": message}

    events = [
        said("web-00001-deployment-a", 1, "first"),
        said("web-00001-deployment-b", 3, PROBE),
        said("web-00002-deployment-c", 9, "of another revision"),
    ]

    assert last_words("web-00001", events) == [f"before that, web-00001-deployment-b: {PROBE}"]
    assert last_words("web-00003", events) == []
