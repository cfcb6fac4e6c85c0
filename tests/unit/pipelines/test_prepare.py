"""What is wrong with a run before its first task starts, and what its variables become."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.pipeline import PipelineRunReason as Reason
from wakeful.apis.pipeline import TaskSpec
from wakeful.pipelines.errors import RunFailedError
from wakeful.testing.pipelines import play

STEPS = "{steps: [{image: i}]}"


@pytest.mark.parametrize(
    ("pipeline", "spec", "reason", "text"),
    [
        (
            f"{{params: [{{name: a}}, {{name: b}}], tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {},
            Reason.PARAMETER_MISSING,
            "PipelineRun ns/r is missing some parameters required by Pipeline ns/p: [User error]"
            " pipelineRun missing parameters: [a b]",
        ),
        (
            f"{{params: [{{name: a, type: array}}], tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {"params": [{"name": "a", "value": "x"}]},
            Reason.PARAMETER_TYPE_MISMATCH,
            "parameters have inconsistent types : [a]",
        ),
        (
            f"{{params: [{{name: a, enum: [x, y]}}], tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {"params": [{"name": "a", "value": "z"}]},
            Reason.INVALID_PARAM_VALUE,
            "param `a` value: z is not in the enum list",
        ),
        (
            "{params: [{name: a, type: object, properties: {k: {}, l: {}}}],"
            f" tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {"params": [{"name": "a", "value": {"k": "v"}}]},
            Reason.OBJECT_PARAMETER_MISS_KEYS,
            "pipelineRun missing object keys for parameters: map[a:[l]]",
        ),
        (
            "{params: [{name: a, type: array}], tasks: [{name: t, taskRef: {name: x},"
            ' params: [{name: p, value: "$(params.a[3])"}]}]}',
            {"params": [{"name": "a", "value": ["x"]}]},
            Reason.PARAM_ARRAY_INDEXING_INVALID,
            "non-existent param references:[$(params.a[3])]",
        ),
        (
            f"{{workspaces: [{{name: w}}], tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {},
            Reason.INVALID_WORKSPACE_BINDINGS,
            'pipeline requires workspace with name "w" be provided by pipelinerun',
        ),
        (
            f"{{tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {"taskRunSpecs": [{"pipelineTaskName": "u"}]},
            Reason.INVALID_TASK_RUN_SPECS,
            'taskrunSpecs defined wrong taskName: "u", does not exist in Pipeline',
        ),
        (
            "{tasks: [{name: a, runAfter: [b], taskRef: {name: t}},"
            " {name: b, runAfter: [a], taskRef: {name: t}}]}",
            {},
            Reason.INVALID_GRAPH,
            'cycle detected; task "a" depends on "b"',
        ),
        (
            "{tasks: [{name: a, runAfter: [z], taskRef: {name: t}}]}",
            {},
            Reason.INVALID_GRAPH,
            "task a depends on z but z wasn't present in Pipeline",
        ),
        (
            "{params: [{name: a, default: $(params.b)}, {name: b, default: $(params.a)}],"
            f" tasks: [{{name: t, taskSpec: {STEPS}}}]}}",
            {},
            Reason.VALIDATION_FAILED,
            "circular dependency detected in param",
        ),
        (
            "{tasks: [{name: a, taskSpec: {params: [{name: x}], steps: [{image: i}]}}]}",
            {},
            Reason.VALIDATION_FAILED,
            "[User error] invalid input params for task : missing values for these params which"
            " have no default values: [x]",
        ),
        (
            f"{{tasks: [{{name: a, taskSpec: {STEPS}}}, {{name: b, taskRef: {{name: t}},"
            ' params: [{name: p, value: "$(tasks.a.results.x)"}]}]}',
            {},
            Reason.INVALID_TASK_RESULT_REFERENCE,
            'invalid result reference in pipeline task "b": "x" is not a named result returned by'
            ' pipeline task "a"',
        ),
        (
            f"{{tasks: [{{name: a, taskSpec: {STEPS}}}],"
            ' results: [{name: r, value: "$(tasks.a.results.x)"}]}',
            {},
            Reason.INVALID_PIPELINE_RESULT_REFERENCE,
            'invalid pipeline result "r": "x" is not a named result returned by pipeline task "a"',
        ),
        (
            "{workspaces: [{name: w, optional: true}], tasks: [{name: a,"
            " workspaces: [{name: v, workspace: w}],"
            " taskSpec: {workspaces: [{name: v}], steps: [{image: i}]}}]}",
            {},
            Reason.REQUIRED_WORKSPACE_MARKED_OPTIONAL,
            'pipeline workspace "w" is marked optional but pipeline task "a" requires it be',
        ),
    ],
)
def test_mistakes_fail_the_run_with_their_reason(
    pipeline: str, spec: dict[str, Any], reason: Reason, text: str
) -> None:
    run = play(pipeline, **spec)

    with pytest.raises(RunFailedError) as caught:
        run.look()

    assert caught.value.reason == reason
    assert text in caught.value.message


def test_parameters_nobody_asked_for_are_fine() -> None:
    run = play(f"tasks: [{{name: a, taskSpec: {STEPS}}}]", params=[{"name": "x", "value": "y"}])

    assert run.starts() == ["a"]


def test_references_are_checked_against_what_they_refer_to() -> None:
    run = play("tasks: [{name: a, taskRef: {name: t}}]")
    run.tasks = {"t": TaskSpec.from_wire({"params": [{"name": "x", "type": "string"}]})}

    with pytest.raises(RunFailedError, match="no default values"):
        run.look()


SCOPES = """
params: [{name: inner, default: pipeline}, {name: outer, default: "$(params.given) and more"},
  {name: given}]
tasks:
- name: t
  params: [{name: own, value: "$(params.outer)"}, {name: inner, value: explicit}]
  taskSpec:
    params: [{name: inner, default: task}, {name: given, default: unused}]
    steps:
    - image: i
      script: |
        $(params.own) $(params.inner) $(params["given"]) $(params['outer'])
        $(context.pipelineRun.name) $(context.pipelineRun.namespace) $(context.pipelineRun.uid)
        $(context.pipeline.name) $(workspaces.w.bound) $(date) ${HOME} $$ $(params.unknown)
workspaces: [{name: w, optional: true}]
"""


def test_inner_values_beat_outer_ones_and_outer_ones_beat_inner_defaults() -> None:
    """What is unknown, and what the shell means, stays as it is written."""
    start = play(SCOPES, params=[{"name": "given", "value": "v"}]).look().start[0]

    assert start.task_spec is not None
    assert start.task_spec.steps[0].script == (
        "$(params.own) explicit v v and more\nr ns u-1\np false $(date) ${HOME} $$"
        " $(params.unknown)\n"
    )
    assert {p.name: p.value for p in start.params} == {"own": "v and more", "inner": "explicit"}


def test_a_matrix_hides_the_runs_parameter_of_that_name() -> None:
    run = play(
        """
        params: [{name: os, default: none}]
        tasks:
        - name: t
          matrix: {params: [{name: os, value: [linux, mac]}]}
          taskSpec: {params: [{name: os}], steps: [{image: i, script: "$(params.os)"}]}
        """
    )
    spec = run.look().start[0].task_spec

    assert spec is not None
    assert spec.steps[0].script == "$(params.os)"


def test_resources_of_older_pipelines_reach_their_tasks() -> None:
    """``from`` orders tasks, and says where one leaves what the other takes."""
    run = play(
        """
        legacy: {resources: [{name: repo, type: git}, {name: image, type: image}]}
        tasks:
        - name: deploy
          taskRef: {name: t}
          legacy: {inputs: [{name: src, resource: repo, from: [build]}]}
        - name: build
          taskRef: {name: t}
          legacy:
            inputs: [{name: source, resource: repo}]
            outputs: [{name: out, resource: repo}, {name: img, resource: image}]
        """,
        legacy={
            "resources": [
                {"name": "repo", "resourceRef": {"name": "my-repo"}},
                {"name": "image", "resourceSpec": {"type": "image"}},
            ]
        },
    )
    build = run.look().start
    run.succeed("build")
    deploy = run.look().start

    assert [s.task.name for s in (*build, *deploy)] == ["build", "deploy"]
    assert build[0].resources is not None
    assert deploy[0].resources is not None
    assert [(b.name, b.paths) for b in build[0].resources.outputs] == [
        ("out", ["/pvc/build/repo"]),
        ("img", []),
    ]
    assert [b.paths for b in deploy[0].resources.inputs] == [["/pvc/build/repo"]]
    reference = deploy[0].resources.inputs[0].resource_ref
    assert reference is not None
    assert reference.name == "my-repo"
