"""What a PipelineRun does next, played move by move."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from wakeful.apis.pipeline import PipelineRunReason as Reason
from wakeful.apis.pipeline import SkippingReason, TaskSpec
from wakeful.apis.pipeline.legacy_types import ConditionSpec
from wakeful.pipelines.conditions import conditions_of, with_checks
from wakeful.pipelines.errors import RunFailedError
from wakeful.testing.pipelines import NOW, Play, play, skipped

STEPS = "{steps: [{image: i}]}"
LINE = f"""
tasks:
- {{name: a, taskSpec: {STEPS}}}
- {{name: b, runAfter: [a], taskSpec: {STEPS}}}
- {{name: c, runAfter: [b], taskSpec: {STEPS}}}
"""
FINALLY = f"""
tasks:
- {{name: a, taskSpec: {STEPS}}}
- {{name: b, runAfter: [a], taskSpec: {STEPS}}}
finally:
- {{name: f, taskSpec: {STEPS}}}
"""


def test_tasks_start_as_soon_as_their_parents_ended() -> None:
    """Everything that waits for nobody starts at once; names are upstream's."""
    run = play(
        f"""
        tasks:
        - {{name: a, taskSpec: {STEPS}}}
        - {{name: b, taskSpec: {STEPS}}}
        - {{name: c, runAfter: [a, b], taskSpec: {STEPS}}}
        """
    )
    first = run.look()
    run.succeed("a")
    waiting = run.look()
    run.succeed("b")
    last = run.look()

    assert [s.name for s in first.start] == ["r-a", "r-b"]
    assert first.message == "Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 3, Skipped: 0"
    assert (first.status, first.reason) == ("Unknown", Reason.RUNNING)
    assert waiting.start == []
    assert waiting.message.startswith("Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 2")
    assert [s.name for s in last.start] == ["r-c"]


def test_everything_that_ended_well_is_a_success() -> None:
    run = play(LINE)
    for task in "abc":
        assert run.starts() == [task]
        run.succeed(task)

    end = run.look()

    assert (end.status, end.reason) == ("True", Reason.SUCCEEDED)
    assert end.message == "Tasks Completed: 3 (Failed: 0, Cancelled 0), Skipped: 0"
    assert [(c.name, c.pipeline_task_name) for c in end.children] == [
        ("r-a", "a"),
        ("r-b", "b"),
        ("r-c", "c"),
    ]
    assert end.requeue_after is None


def test_a_failure_starts_nothing_new_and_waits_for_what_runs() -> None:
    run = play(
        f"""
        tasks:
        - {{name: a, taskSpec: {STEPS}}}
        - {{name: b, taskSpec: {STEPS}}}
        - {{name: c, runAfter: [b], taskSpec: {STEPS}}}
        """
    )
    run.look()
    run.fail("a")
    stopping = run.look()
    run.succeed("b")
    end = run.look()

    assert (stopping.status, stopping.reason) == ("Unknown", Reason.STOPPING)
    assert end.start == []
    assert (end.status, end.reason) == ("False", Reason.FAILED)
    assert end.message == "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1"
    assert skipped(end) == {"c": SkippingReason.STOPPING}


def test_final_tasks_run_after_a_failure_and_know_how_it_went() -> None:
    run = play(
        f"""
        tasks:
        - {{name: a, taskSpec: {STEPS}}}
        - {{name: b, runAfter: [a], taskSpec: {STEPS}}}
        finally:
        - name: f
          params: [{{name: how, value: "$(tasks.status) $(tasks.a.status) $(tasks.a.reason)
            $(tasks.b.status)"}}]
          taskSpec: {{params: [{{name: how}}], steps: [{{image: i, args: ["$(params.how)"]}}]}}
        """
    )
    run.look()
    run.fail("a")
    final = run.look()
    run.succeed("f")
    end = run.look()

    assert [s.params[0].value for s in final.start] == ["Failed Failed StepFailed None"]
    assert final.start[0].is_final
    assert final.finally_start_time == NOW
    assert (end.status, end.reason) == ("False", Reason.FAILED)
    assert end.message == "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1"


def test_a_failure_may_be_ignored() -> None:
    """``onError: continue``: the pipeline goes on and succeeds, and says so."""
    run = play(
        f"""
        tasks:
        - {{name: a, onError: continue, taskSpec: {STEPS}}}
        - {{name: b, runAfter: [a], taskSpec: {STEPS}}}
        """
    )
    run.look()
    run.fail("a", reason="FailureIgnored")
    after = run.starts()
    run.succeed("b")
    end = run.look()

    assert after == ["b"]
    assert (end.status, end.reason) == ("True", Reason.SUCCEEDED)
    assert end.message == "Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0"


# --- conditions and results -----------------------------------------------------------------------


def test_a_task_its_own_conditions_skip_does_not_hold_others() -> None:
    run = play(
        f"""
        tasks:
        - name: a
          when: [{{input: "$(params.who)", operator: notin, values: [me]}}]
          taskSpec: {{results: [{{name: r}}], steps: [{{image: i}}]}}
        - {{name: b, runAfter: [a], taskSpec: {STEPS}}}
        - name: c
          params: [{{name: p, value: "$(tasks.a.results.r)"}}]
          taskSpec: {{params: [{{name: p}}], steps: [{{image: i}}]}}
        - {{name: d, runAfter: [c], taskSpec: {STEPS}}}
        params: [{{name: who, default: me}}]
        """
    )
    first = run.look()
    run.succeed("b")
    end = run.look()

    assert [s.task.name for s in first.start] == ["b"]
    assert skipped(end) == {
        "a": SkippingReason.WHEN_EXPRESSIONS,
        "c": SkippingReason.MISSING_RESULTS,
        "d": SkippingReason.PARENT_TASKS,
    }
    assert end.skipped[0].when_expressions[0].input == "me"
    assert (end.status, end.reason) == ("True", Reason.COMPLETED)
    assert end.message == "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 3"


def test_results_order_tasks_and_reach_parameters_conditions_and_scripts() -> None:
    run = play(
        """
        tasks:
        - name: use
          params:
          - {name: text, value: "got $(tasks.make.results.text)"}
          - {name: list, value: ["x", "$(tasks.make.results.list[*])"]}
          - {name: object, value: "$(tasks.make.results.object[*])"}
          when: [{input: "$(tasks.make.results.list[1])", operator: in, values: [b]}]
          taskSpec:
            params: [{name: text}, {name: list, type: array}, {name: object, type: object,
              properties: {k: {}}}]
            steps: [{image: i, script: "echo $(tasks.make.results.object.k)"}]
        - name: make
          taskSpec:
            results: [{name: text}, {name: list, type: array}, {name: object, type: object,
              properties: {k: {}}}]
            steps: [{image: i}]
        """
    )
    assert run.starts() == ["make"]
    run.succeed("make", text="t", list=["a", "b"], object={"k": "v"})
    use = run.look().start[0]

    assert {p.name: p.value for p in use.params} == {
        "text": "got t",
        "list": ["x", "a", "b"],
        "object": {"k": "v"},
    }
    assert use.task_spec is not None
    assert use.task_spec.steps[0].script == "echo v"


def test_a_result_that_was_never_written_fails_the_run() -> None:
    run = play(
        """
        tasks:
        - {name: a, taskSpec: {results: [{name: r}], steps: [{image: i}]}}
        - name: b
          params: [{name: p, value: "$(tasks.a.results.r)"}]
          taskSpec: {params: [{name: p}], steps: [{image: i}]}
        """
    )
    run.look()
    run.succeed("a")
    end = run.look()

    assert end.start == []
    assert (end.status, end.reason) == ("False", Reason.VALIDATION_FAILED)
    assert list(end.failed_validation) == ["b"]
    assert 'did not emit the result "r", which is referenced by task "b"' in end.message


def test_an_index_beyond_a_result_fails_the_run() -> None:
    run = play(
        """
        tasks:
        - {name: a, taskSpec: {results: [{name: r, type: array}], steps: [{image: i}]}}
        - name: b
          params: [{name: p, value: "$(tasks.a.results.r[2])"}]
          taskSpec: {params: [{name: p}], steps: [{image: i}]}
        """
    )
    run.look()
    run.succeed("a", r=["x"])

    with pytest.raises(RunFailedError, match="Index 2 for Task a Result r is out of bound of size"):
        run.look()


def test_final_tasks_that_lack_a_result_are_skipped() -> None:
    run = play(
        """
        tasks:
        - {name: a, taskSpec: {results: [{name: r}], steps: [{image: i}]}}
        finally:
        - name: f
          params: [{name: p, value: "$(tasks.a.results.r)"}]
          taskSpec: {params: [{name: p}], steps: [{image: i}]}
        """
    )
    run.look()
    run.succeed("a")
    end = run.look()

    assert skipped(end) == {"f": SkippingReason.MISSING_RESULTS}
    assert (end.status, end.reason) == ("True", Reason.COMPLETED)


def test_conditions_in_cel_see_replaced_text() -> None:
    run = play(
        f"""
        tasks:
        - name: a
          when: [{{cel: "'$(params.n)' in ['x', 'y'] && '$(params.n)'.matches('[a-z]')"}}]
          taskSpec: {STEPS}
        - {{name: b, when: [{{cel: "'$(params.n)' == 'z'"}}], taskSpec: {STEPS}}}
        params: [{{name: n, default: x}}]
        """
    )
    decision = run.look()

    assert [s.task.name for s in decision.start] == ["a"]
    assert skipped(decision) == {"b": SkippingReason.WHEN_EXPRESSIONS}


def test_a_condition_that_is_none_fails_the_run() -> None:
    run = play(f"tasks: [{{name: a, when: [{{cel: '1 + 1'}}], taskSpec: {STEPS}}}]")

    with pytest.raises(RunFailedError, match="is not evaluated to a boolean") as caught:
        run.look()

    assert caught.value.reason == Reason.CEL_EVALUATION_FAILED


# --- fan-out --------------------------------------------------------------------------------------


def test_a_matrix_starts_a_run_for_each_row_and_gathers_results_in_that_order() -> None:
    run = play(
        """
        tasks:
        - name: m
          matrix: {params: [{name: os, value: [linux, mac]}, {name: n, value: ["1", "2"]}]}
          taskSpec: {params: [{name: os}, {name: n}], results: [{name: r}], steps: [{image: i}]}
        - name: use
          params:
          - {name: all, value: ["$(tasks.m.results.r[*])"]}
          - {name: count, value: "$(tasks.m.matrix.length) $(tasks.m.matrix.r.length)"}
          taskSpec: {params: [{name: all, type: array}, {name: count}], steps: [{image: i}]}
        results: [{name: all, value: "$(tasks.m.results.r[*])"}]
        """
    )
    rows = run.look().start
    for index, text in enumerate(["w", "x", "y", "z"]):
        run.succeed("m", index, r=text)
    use = run.look().start[0]
    run.succeed("use")
    end = run.look()

    assert [(s.name, [p.value for p in s.params]) for s in rows] == [
        ("r-m-0", ["1", "linux"]),
        ("r-m-1", ["1", "mac"]),
        ("r-m-2", ["2", "linux"]),
        ("r-m-3", ["2", "mac"]),
    ]
    assert [p.value for p in use.params] == [["w", "x", "y", "z"], "4 4"]
    assert end.results is not None
    assert [(r.name, r.value) for r in end.results] == [("all", ["w", "x", "y", "z"])]


def test_one_row_that_fails_fails_the_task_once_all_ended() -> None:
    run = play(
        """
        tasks:
        - name: m
          matrix: {params: [{name: n, value: ["1", "2"]}]}
          taskSpec: {params: [{name: n}], steps: [{image: i}]}
        """
    )
    run.look()
    run.fail("m", 0)
    running = run.look()
    run.succeed("m", 1)
    end = run.look()

    assert running.status == "Unknown"
    assert (end.status, end.reason) == ("False", Reason.FAILED)


def test_a_matrix_made_of_a_result_may_be_empty_or_too_big() -> None:
    text = """
        tasks:
        - {name: a, taskSpec: {results: [{name: r, type: array}], steps: [{image: i}]}}
        - name: m
          matrix: {params: [{name: n, value: "$(tasks.a.results.r[*])"}]}
          taskSpec: {params: [{name: n}], steps: [{image: i}]}
        """
    empty, big = play(text), play(text)
    for run in (empty, big):
        run.look()
    empty.succeed("a", r=[])
    big.succeed("a", r=["x"] * 257)

    assert skipped(empty.look()) == {"m": SkippingReason.EMPTY_MATRIX}
    with pytest.raises(RunFailedError, match=r"expected 0 <= 257 <= 256: m.matrix"):
        big.look()


def test_rows_with_a_name_show_it() -> None:
    run = play(
        """
        tasks:
        - name: m
          displayName: build $(params.n)
          matrix:
            include:
            - {name: the first $(params.n), params: [{name: n, value: "1"}]}
            - {params: [{name: n, value: "2"}]}
          taskSpec: {params: [{name: n}], steps: [{image: i}]}
        """
    )

    assert [c.display_name for c in run.look().children] == ["the first 1", "build 2"]


# --- being stopped --------------------------------------------------------------------------------


def test_cancelling_ends_everything_at_once() -> None:
    run = play(FINALLY)
    run.look()
    run.run.spec.status = "Cancelled"
    decision = run.look()

    assert [(s.name, s.kind) for s in decision.stop] == [("r-a", "TaskRun")]
    assert decision.stop[0].message == (
        "TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
    )
    assert decision.start == []
    assert (decision.status, decision.reason) == ("False", Reason.CANCELLED)
    assert decision.message == 'PipelineRun "r" was cancelled'


@pytest.mark.parametrize(
    ("status", "running", "skip"),
    [
        ("CancelledRunFinally", Reason.CANCELLED_RUNNING_FINALLY, SkippingReason.STOPPING),
        ("StoppedRunFinally", Reason.STOPPED_RUNNING_FINALLY, SkippingReason.GRACEFULLY_STOPPED),
    ],
)
def test_ending_gracefully_runs_final_tasks(status: str, running: Reason, skip: str) -> None:
    """Cancelling ends what runs, stopping waits for it; neither starts more."""
    run = play(FINALLY)
    run.look()
    run.run.spec.status = status
    first = run.look()
    assert [s.name for s in first.stop] == (["r-a"] if status.startswith("Cancelled") else [])
    assert first.reason == running
    if first.stop:
        run.stopped(first)
    else:
        run.succeed("a")
    assert run.starts() == ["f"]
    run.succeed("f")
    end = run.look()

    assert skipped(end) == {"b": skip}
    assert (end.status, end.reason) == ("False", Reason.CANCELLED)
    assert end.message == 'PipelineRun "r" was cancelled'


def test_a_task_somebody_cancelled_cancels_the_run() -> None:
    run = play(FINALLY)
    run.look()
    run.fail("a", reason="TaskRunCancelled")
    run.look()
    run.succeed("f")
    end = run.look()

    assert (end.status, end.reason) == ("False", Reason.CANCELLED)
    assert end.message == "Tasks Completed: 2 (Failed: 0, Cancelled 1), Skipped: 1"


# --- time -----------------------------------------------------------------------------------------


def test_the_whole_run_may_take_so_long() -> None:
    run = play(FINALLY, timeouts={"pipeline": "10m"})
    first = run.look()
    run.now += timedelta(minutes=10, seconds=1)
    late = run.look()

    assert first.requeue_after is not None
    assert timedelta(minutes=10) < first.requeue_after < timedelta(minutes=10, seconds=1)
    assert [s.message for s in late.stop] == [
        "TaskRun cancelled as the PipelineRun it belongs to has timed out."
    ]
    assert late.start == []
    assert (late.status, late.reason) == ("False", Reason.TIMED_OUT)
    assert late.message == 'PipelineRun "r" failed to finish within "10m0s"'


def test_tasks_may_take_so_long_and_final_tasks_run_all_the_same() -> None:
    run = play(FINALLY, timeouts={"pipeline": "10m", "tasks": "5m"})
    run.look()
    run.now += timedelta(minutes=6)
    late = run.look()
    run.stopped(late)
    final = run.look()
    run.succeed("f")
    end = run.look()

    assert [s.name for s in late.stop] == ["r-a"]
    assert late.reason == Reason.TIMED_OUT_RUNNING_FINALLY
    assert [s.task.name for s in final.start] == ["f"]
    assert final.reason == Reason.TIMED_OUT_RUNNING_FINALLY
    assert (end.status, end.reason) == ("False", Reason.TIMED_OUT)
    assert end.message == 'PipelineRun "r" failed due to tasks failed to finish within "5m0s"'


def test_final_tasks_get_the_rest_of_the_time() -> None:
    run = play(FINALLY, timeouts={"pipeline": "10m", "tasks": "9m"})
    for task in "ab":
        run.look()
        run.succeed(task)
    run.look()
    run.now += timedelta(minutes=1, seconds=1)
    late = run.look()
    run.stopped(late)
    end = run.look()

    assert [s.name for s in late.stop] == ["r-f"]
    assert (end.status, end.reason) == ("False", Reason.FAILED)


@pytest.mark.parametrize(
    ("timeouts", "task", "own", "expected"),
    [
        ({"pipeline": "1h"}, "", "", None),
        ({"pipeline": "3h", "tasks": "2h"}, "", "", timedelta(hours=2)),
        ({"pipeline": "3h", "tasks": "20m"}, "", "", None),
        ({"pipeline": "0s", "tasks": "0s"}, "", "", timedelta()),
        ({"pipeline": "1h"}, "5m", "", timedelta(minutes=5)),
        ({"pipeline": "1h"}, "5m", "7m", timedelta(minutes=7)),
    ],
)
def test_the_nearest_timeout_counts(
    timeouts: dict[str, str], task: str, own: str, expected: timedelta | None
) -> None:
    """The run's for the task, the task's, then the whole's where it is longer than the default."""
    given = f", timeout: {task}" if task else ""
    specs = [{"pipelineTaskName": "a", "timeout": own}] if own else []
    run = play(
        f"tasks: [{{name: a, taskSpec: {STEPS}{given}}}]", timeouts=timeouts, taskRunSpecs=specs
    )

    assert run.look().start[0].timeout == expected


# --- other kinds of runs --------------------------------------------------------------------------


def test_custom_tasks_and_child_pipelines_are_runs_of_their_own_kinds() -> None:
    run = play(
        f"""
        tasks:
        - {{name: c, taskRef: {{apiVersion: example.dev/v1, kind: Approval, name: x}}}}
        - {{name: p, pipelineSpec: {{tasks: [{{name: x, taskSpec: {STEPS}}}]}}}}
        - name: t
          runAfter: [p]
          params: [{{name: who, value: "$(tasks.c.results.who)"}}]
          taskSpec: {{params: [{{name: who}}], steps: [{{image: i}}]}}
        """
    )
    first = run.look()
    run.succeed("c", who="me")
    run.succeed("p")
    last = run.look()

    assert [(s.kind, s.name) for s in first.start] == [("CustomRun", "r-c"), ("PipelineRun", "r-p")]
    assert [c.api_version for c in first.children] == ["tekton.dev/v1beta1", "tekton.dev/v1"]
    assert [p.value for p in last.start[0].params] == ["me"]


# --- conditions of 2019 ---------------------------------------------------------------------------

CHECKED = f"""
tasks:
- {{name: first, taskSpec: {STEPS}}}
- name: guarded
  runAfter: [first]
  taskSpec: {STEPS}
  legacy: {{conditions: [{{conditionRef: even, params: [{{name: n, value: "2"}}]}}]}}
- {{name: behind, runAfter: [guarded], taskSpec: {STEPS}}}
- {{name: free, runAfter: [first], taskSpec: {STEPS}}}
"""
EVEN = {
    "params": [{"name": "n", "type": "string"}],
    "check": {"image": "i", "args": ["$(params.n) $(resources.repo.url)"], "resources": {}},
}


def a_checked_run() -> Play:
    run = play(CHECKED)
    assert conditions_of(run.spec) == ["even"]
    run.spec = with_checks(run.spec, {"even": ConditionSpec.from_wire(EVEN)})
    return run


def test_a_task_runs_if_its_condition_holds() -> None:
    run = a_checked_run()
    assert run.starts() == ["first"]
    run.succeed("first")
    checks = run.look().start
    run.succeed("guarded-even")
    run.succeed("free")
    assert run.starts() == ["guarded"]
    run.succeed("guarded")
    assert run.starts() == ["behind"]

    assert [s.task.name for s in checks] == ["guarded-even", "free"]
    assert [p.value for p in checks[0].params] == ["2"]
    assert checks[0].task_spec is not None
    assert checks[0].task_spec.steps[0].args == ["$(params.n) $(inputs.resources.repo.url)"]


def test_a_task_whose_condition_does_not_hold_is_skipped_with_all_behind_it() -> None:
    run = a_checked_run()
    run.look()
    run.succeed("first")
    run.look()
    run.fail("guarded-even", reason="FailureIgnored")
    run.succeed("free")
    end = run.look()

    assert list(skipped(end)) == ["guarded", "behind"]
    assert (end.status, end.reason) == ("True", Reason.COMPLETED)


# --- workspaces -----------------------------------------------------------------------------------


def test_workspaces_are_handed_on_by_name_or_because_they_are_used() -> None:
    run = play(
        """
        workspaces: [{name: source}, {name: cache, optional: true}]
        tasks:
        - name: a
          workspaces: [{name: w, workspace: source, subPath: "$(context.pipelineRun.name)"}]
          taskRef: {name: t}
        - name: b
          taskSpec: {steps: [{image: i, script: "ls $(workspaces.source.path)"}]}
        """,
        params=[{"name": "dir", "value": "d"}],
        workspaces=[
            {
                "name": "source",
                "subPath": "$(params.dir)",
                "volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}},
            }
        ],
    )
    run.tasks = {"t": TaskSpec.from_wire({"workspaces": [{"name": "w"}]})}
    first, second = run.look().start

    assert [(w.name, w.sub_path) for w in first.workspaces] == [("w", "d/r")]
    claim = first.workspaces[0].persistent_volume_claim
    assert claim is not None
    assert claim.claim_name == "pvc-" + _sha("sourceu-1")
    assert [w.name for w in second.workspaces] == ["source"]


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def test_a_workspace_nobody_provides_fails_the_run() -> None:
    run = play("tasks: [{name: a, workspaces: [{name: w, workspace: x}], taskRef: {name: t}}]")

    with pytest.raises(RunFailedError, match='expected workspace "x" to be provided') as caught:
        run.look()

    assert caught.value.reason == Reason.CREATE_RUN_FAILED
