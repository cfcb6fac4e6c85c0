"""A TaskRun's status from its Pod's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apis.core.pod_types import Pod
from wakeful.apis.pipeline import TaskRun, TaskRunReason
from wakeful.pipelines.entrypoint import ResultKind, RunResult, render_message
from wakeful.reconciler.pipeline.taskrun.failures import waits_in_vain
from wakeful.reconciler.pipeline.taskrun.status import (
    begin_retry,
    end_steps,
    observe_pod,
    too_large_result,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "2026-01-02T03:04:05Z"
TASK = {
    "results": [
        {"name": "text"},
        {"name": "list", "type": "array"},
        {"name": "lifted", "value": "$(steps.a.results.own)"},
    ],
    "steps": [{"name": "a", "results": [{"name": "own"}]}, {"name": "b"}],
}


def a_run(**metadata: Any) -> TaskRun:
    return TaskRun.from_wire(
        {"metadata": {"name": "run", "namespace": "ns", **metadata}, "spec": {"taskSpec": TASK}}
    )


def ended(code: int = 0, *results: RunResult, reason: str = "") -> dict[str, Any]:
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason or ("Error" if code else "Completed"),
            "message": render_message(results) if results else "",
            "startedAt": STAMP,
            "finishedAt": STAMP,
        }
    }


RUNNING = {"running": {"startedAt": STAMP}}


def a_pod(phase: str, /, **states: dict[str, Any]) -> Pod:
    names = [name.replace("_", "-") for name in states]
    return Pod.from_wire(
        {
            "metadata": {"name": "run-pod"},
            "spec": {"containers": [{"name": name, "image": "i"} for name in names]},
            "status": {
                "phase": phase,
                "containerStatuses": [
                    {"name": name, "state": state, "imageID": "i@sha256:1"}
                    for name, state in zip(names, states.values(), strict=True)
                ],
            },
        }
    )


def observed(pod: Pod, run: TaskRun | None = None) -> TaskRun:
    run = run or a_run()
    assert run.spec.task_spec is not None
    observe_pod(run, pod, run.spec.task_spec, NOW)
    return run


def test_success_with_results() -> None:
    """By their types; those of steps are lifted; what was not declared is left out."""
    results = (
        RunResult("StartedAt", "2026-01-02T03:04:04.500Z", ResultKind.INTERNAL),
        RunResult("text", "1\n", ResultKind.TASK_RESULT),
        RunResult("list", '["x"]', ResultKind.TASK_RESULT),
        RunResult("other", "x", ResultKind.TASK_RESULT),
        RunResult("own", "o", ResultKind.STEP_RESULT),
    )
    run = observed(a_pod("Succeeded", step_a=ended(0, *results), step_b=ended(0)))
    assert run.status.is_successful
    assert {r.name: r.value for r in run.status.results} == {
        "text": "1\n",
        "list": ["x"],
        "lifted": "o",
    }
    first = run.status.steps[0]
    assert first.termination_reason == "Completed"
    assert first.terminated is not None
    assert first.terminated.started_at is not None
    assert first.terminated.started_at.microsecond == 500_000
    assert [r.name for r in first.results] == ["own"]


def test_a_result_of_the_wrong_type_fails_the_run() -> None:
    text = RunResult("list", "no list", ResultKind.TASK_RESULT)
    run = observed(a_pod("Succeeded", step_a=ended(0, text), step_b=ended(0)))
    assert run.status.reason == "TaskRunValidationFailed"
    assert 'expected to be "array" type' in run.status.message


@pytest.mark.parametrize(
    ("pod", "reason", "message"),
    [
        (
            a_pod("Failed", step_a=ended(3), step_b=ended(1)),
            "StepFailed",
            '"step-a" exited with code 3: Error',
        ),
        (
            a_pod("Running", step_a=ended(137, reason="OOMKilled"), step_b=RUNNING),
            "StepOOM",
            '"step-a" exited with code 137: OOMKilled',
        ),
        (
            a_pod("Failed", step_a=ended(137, reason="ContainerStatusUnknown")),
            "StepFailed",
            '"step-a" was lost while it ran: nobody knows how it ended',
        ),
        (
            a_pod("Failed", step_a=ended(1), step_b=ended(1), sidecar_s=ended(2)),
            "SidecarFailed",
            '"sidecar-s" exited with code 2: Error',
        ),
    ],
)
def test_failures_say_what_failed(pod: Pod, reason: str, message: str) -> None:
    run = observed(pod)
    assert (run.status.reason, run.status.message) == (reason, message)
    assert run.status.completion_time == NOW


def test_a_failure_that_the_pipeline_ignores_has_its_own_reason() -> None:
    note = {"pipeline.tekton.dev/pipeline-task-on-error": "continue"}
    run = observed(a_pod("Failed", step_a=ended(1)), a_run(annotations=note))
    assert run.status.reason == "FailureIgnored"


def test_what_steps_tell_of_themselves() -> None:
    code = RunResult("ExitCode", "7", ResultKind.INTERNAL)
    skipped = RunResult("Reason", "Skipped", ResultKind.INTERNAL)
    run = observed(a_pod("Failed", step_a=ended(0, code), step_b=ended(1, skipped)))
    first, second = run.status.steps
    assert first.terminated is not None
    assert (first.terminated.exit_code, first.termination_reason) == (7, "Continued")
    assert second.termination_reason == "Skipped"
    assert first.terminated.message == ""


def test_steps_end_while_sidecars_go_on() -> None:
    run = observed(a_pod("Running", step_a=ended(0), step_b=ended(0), sidecar_s=RUNNING))
    assert run.status.is_successful
    assert run.status.sidecars[0].running is not None


def test_under_way_and_pending() -> None:
    run = observed(a_pod("Running", step_a=RUNNING))
    assert (run.status.reason, run.is_done) == ("Running", False)
    run = observed(a_pod("Pending", step_a={"waiting": {"reason": "ContainerCreating"}}))
    assert run.status.reason == "Pending"


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        ("ImagePullBackOff", "TaskRunImagePullFailed"),
        ("InvalidImageName", "TaskRunImagePullFailed"),
        ("CreateContainerConfigError", "CreateContainerConfigError"),
        ("CreateContainerError", "PodCreationFailed"),
        ("ErrImagePull", None),
        ("ContainerCreating", None),
    ],
)
def test_waiting_in_vain(waiting: str, reason: str | None) -> None:
    state = {"waiting": {"reason": waiting, "message": "because"}}
    found = waits_in_vain(a_pod("Pending", step_a=state), "run")
    assert (found.reason if found is not None else None) == reason


def test_ends_and_attempts() -> None:
    """Steps end with the run; an attempt that failed goes on record, and the next is empty."""
    run = observed(a_pod("Running", step_a=ended(0), step_b=RUNNING))
    run.status.initialize(NOW)
    run.status.mark_failed("TaskRunTimeout", "too late", NOW)
    end_steps(run, "TaskRunTimeout", NOW)
    assert [s.termination_reason for s in run.status.steps] == ["Completed", "TaskRunTimeout"]

    begin_retry(run, NOW)
    assert run.status.reason == "ToBeRetried"
    assert (run.status.pod_name, run.status.steps, run.status.start_time) == ("", [], None)
    assert run.status.retries_status[0].reason == "TaskRunTimeout"


def test_a_step_out_of_time_says_so() -> None:
    late = RunResult("Reason", "TimeoutExceeded", ResultKind.INTERNAL)
    run = observed(a_pod("Failed", step_a=ended(1, late), step_b=ended(1)))
    assert run.status.message == (
        '"step-a" exited because the step exceeded the specified timeout limit'
    )


def test_ending_a_run_whose_pod_has_told_nothing_yet() -> None:
    """The steps are the task's, and ended with the run."""
    run = a_run()
    run.status.task_spec, run.status.pod_name = run.spec.task_spec, "run-pod"
    end_steps(run, TaskRunReason.CANCELLED, NOW)
    assert [s.container for s in run.status.steps] == ["step-a", "step-b"]
    assert {s.termination_reason for s in run.status.steps} == {"TaskRunCancelled"}
    assert all(s.terminated is not None and s.waiting is None for s in run.status.steps)


def test_a_run_that_has_ended_tells_of_its_artifacts() -> None:
    """Also when there are none, which is not the same as not knowing."""
    assert observed(a_pod("Running", step_a=RUNNING, step_b=RUNNING)).status.artifacts is None
    done = observed(a_pod("Succeeded", step_a=ended(0), step_b=ended(0)))
    assert done.to_wire()["status"]["artifacts"] == {}


def test_large_results_are_found() -> None:
    run = a_run()
    text = RunResult("text", "é" * 10, ResultKind.TASK_RESULT)
    run = observed(a_pod("Succeeded", step_a=ended(0, text)))
    assert too_large_result(run.status, 19) == "text"
    assert too_large_result(run.status, 20) is None
