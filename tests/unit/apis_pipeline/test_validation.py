"""What is refused at admission, in upstream's words."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

Refuse = Callable[[str], str]
DENIED = 'admission webhook "validation.webhook.pipeline.tekton.dev" denied the request:'


def an_object(kind: str, spec: str, version: str = "v1", name: str = "x") -> str:
    head = f"apiVersion: tekton.dev/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
    return head + textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ")


def a_task(spec: str) -> str:
    return an_object("Task", spec)


def check(refuse: Refuse, text: str, *expected: str) -> None:
    message = refuse(text)
    assert message.startswith(f"{DENIED} validation failed: ")
    for part in expected:
        assert part in message, message


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("steps: []", "missing field(s): spec.steps"),
        ("steps: [{script: x}]", "missing field(s): spec.steps[0].image"),
        (
            "steps: [{image: i, script: x, command: [y]}]",
            "script cannot be used with command: spec.steps[0].script",
        ),
        (
            "steps: [{image: i, params: [{name: a, value: b}]}]",
            "params cannot be used without Ref: spec.steps[0].params",
        ),
        (
            "steps: [{image: i, command: [c], ref: {name: a}, workingDir: /w}]",
            "working dir cannot be used with Ref: spec.steps[0].workingDir",
        ),
        (
            "steps: [{image: i, onError: ignore}]",
            'Task step onError must be either "continue" or "stopAndFail"',
        ),
        (
            "steps: [{image: i, name: a}, {image: i, name: a}]",
            "expected exactly one, got both: spec",
        ),
        ("steps: [{image: i, name: A_}]", "Task step name must be a valid DNS Label"),
        ("steps: [{image: i, timeout: -1s}]", "invalid value: -1s: spec.steps[0].negative timeout"),
        (
            "steps: [{image: i, volumeMounts: [{name: v, mountPath: /tekton/bin}]}]",
            '(volumeMount "v" mounted at "/tekton/bin")',
        ),
        (
            "steps: [{image: i, volumeMounts: [{name: tekton-internal-x, mountPath: /x}]}]",
            'volumeMount name "tekton-internal-x" cannot start with "tekton-internal-"',
        ),
        (
            "{steps: [{image: i}], volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]}",
            'multiple volumes with same name "v": spec.volumes[1].name',
        ),
        (
            "{steps: [{image: i}], sidecars: [{name: tekton-log-results, image: i}]}",
            "Invalid: cannot use reserved sidecar name tekton-log-results",
        ),
        (
            'steps: [{image: i, script: "echo $(params.x)"}]',
            'non-existent variable in "echo $(params.x)": spec.steps[0].script',
        ),
        (
            '{params: [{name: a, type: array}], steps: [{image: "$(params.a)"}]}',
            'variable type invalid in "$(params.a)": spec.steps[0].image',
        ),
        (
            '{params: [{name: a, type: array}], steps: [{image: i, args: ["x $(params.a[*])"]}]}',
            'variable is not properly isolated in "x $(params.a[*])": spec.steps[0].args[0]',
        ),
        (
            "{params: [{name: o, type: object, properties: {k: {}}}],"
            ' steps: [{image: i, args: ["$(params.o.l)"]}]}',
            'non-existent variable in "$(params.o.l)"',
        ),
        (
            "{params: [{name: o, type: object, properties: {k: {}}}],"
            ' steps: [{image: i, args: ["$(params.o)"]}]}',
            'variable type invalid in "$(params.o)"',
        ),
        (
            'steps: [{image: i, script: "$(context.taskRun.x)"}]',
            'non-existent variable in "$(context.taskRun.x)"',
        ),
        (
            "{params: [{name: o, type: object}], steps: [{image: i}]}",
            "missing field(s): spec.o.properties",
        ),
        (
            "{params: [{name: a}, {name: a}], steps: [{image: i}]}",
            "parameter appears more than once: spec.params[a]",
        ),
        ("{params: [{name: 1a}], steps: [{image: i}]}", "variable names is invalid: [1a]"),
        (
            "{params: [{name: a, type: string, default: [x]}], steps: [{image: i}]}",
            '"string" type does not match default value\'s type: "array"',
        ),
        (
            "{params: [{name: a, type: array, enum: [x]}], steps: [{image: i}]}",
            "enum can only be set with string type param",
        ),
        (
            "{params: [{name: a, enum: [x, x]}], steps: [{image: i}]}",
            "parameter enum value x appears more than once",
        ),
        (
            "{results: [{name: -a}], steps: [{image: i}]}",
            'invalid key name "-a": spec.results[0].name',
        ),
        (
            "{results: [{name: a, value: x}], steps: [{image: i}]}",
            "Could not extract step name and result name.",
        ),
        (
            "{results: [{name: a}], steps: [{image: i, script: $(results.b.path)}]}",
            'non-existent variable in "$(results.b.path)"',
        ),
        (
            "steps: [{image: $(steps.a.results.b)}]",
            "stepResult substitutions are only allowed in env, command and args. Found usage in:",
        ),
        (
            "{workspaces: [{name: w}, {name: w}], steps: [{image: i}]}",
            'workspace name "w" must be unique: spec.workspaces[1].name',
        ),
        (
            "{workspaces: [{name: w}], steps: [{image: i, volumeMounts: [{name: v,"
            " mountPath: /workspace/w}]}]}",
            'workspace mount path "/workspace/w" must be unique: spec.workspaces[0].mountpath',
        ),
        (
            "steps: [{image: i, workspaces: [{name: w}]}]",
            'undefined workspace "w": spec.steps[0].workspaces[0].name',
        ),
        (
            "steps: [{image: i, when: [{input: a, operator: is, values: [b]}]}]",
            'operator "is" is not recognized. valid operators: in,notin',
        ),
        (
            "steps: [{image: i, stdoutConfig: {path: x}}]",
            'step stdout stream support requires "enable-api-fields" feature gate to be "alpha"',
        ),
        (
            'steps: [{image: i, script: "cat $(artifacts.path)"}]',
            "feature flag enable-artifacts should be set to true",
        ),
    ],
)
def test_tasks(refuse: Refuse, spec: str, expected: str) -> None:
    check(refuse, a_task(spec), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A", 'invalid resource name "A": must be a valid DNS label: metadata.name'),
        ("a" * 64, "Invalid resource name: length must be no more than 63 characters"),
    ],
)
def test_names(refuse: Refuse, name: str, expected: str) -> None:
    check(refuse, an_object("Task", "steps: [{image: i}]", name=name), expected)


T = "taskSpec: {steps: [{image: i}]}"
TWENTY = f"[{', '.join('x' * 20)}]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{}", "expected at least one, got none: spec.description, spec.params, spec.resources"),
        ("tasks: [{name: a}]", "expected exactly one, got neither: spec.tasks[0].taskRef"),
        (
            f"tasks: [{{name: a, taskRef: {{name: t}}, {T}}}]",
            "expected exactly one, got multiple: spec.tasks[0].taskRef, spec.tasks[0].taskSpec",
        ),
        (f"tasks: [{{name: A, {T}}}]", "Pipeline Task name must be a valid DNS Label"),
        (f"tasks: [{{name: a, {T}}}, {{name: a, {T}}}]", "got both: spec.tasks[1].name"),
        (
            f"tasks: [{{name: a, runAfter: [b], {T}}}, {{name: b, runAfter: [a], {T}}}]",
            'invalid value: cycle detected; task "a" depends on "b": spec.tasks',
        ),
        (
            f"tasks: [{{name: a, runAfter: [b], {T}}}]",
            "task a depends on b but b wasn't present in Pipeline: spec.tasks",
        ),
        (
            f"finally: [{{name: a, {T}}}]",
            "spec.tasks is empty but spec.finally has 1 tasks: spec.finally",
        ),
        (
            f"{{tasks: [{{name: a, {T}}}], finally: [{{name: b, runAfter: [a], {T}}}]}}",
            "no runAfter allowed under spec.finally, final task b has runAfter specified",
        ),
        (
            "tasks: [{name: a, taskRef: {name: t},"
            ' params: [{name: p, value: "$(tasks.b.status)"}]}]',
            "pipeline tasks can not refer to execution status of any other pipeline task or",
        ),
        (
            f"{{tasks: [{{name: a, {T}}}], finally: [{{name: b, taskRef: {{name: t}},"
            ' params: [{name: p, value: "$(tasks.z.status)"}]}]}',
            "pipeline task z is not defined in the pipeline",
        ),
        (
            f"{{tasks: [{{name: a, {T}}}], finally: [{{name: b, {T}}}, {{name: c,"
            ' taskRef: {name: t}, params: [{name: p, value: "$(tasks.b.results.r)"}]}]}',
            "final task has task result reference from a final task b",
        ),
        (
            f"tasks: [{{name: a, retries: 1, onError: continue, {T}}}]",
            'PipelineTask OnError cannot be set to "continue" when Retries is greater than 0',
        ),
        (
            "tasks: [{name: a, taskRef: {kind: Approval}}]",
            "custom task ref must specify apiVersion: spec.tasks[0].taskRef.apiVersion",
        ),
        (
            "tasks: [{name: a, taskRef: {apiVersion: x, kind: Approval}}]",
            'invalid apiVersion format "x", must be in the format "group/version"',
        ),
        (
            "tasks: [{name: a, taskRef: {name: t}, workspaces: [{name: w}]}]",
            'pipeline task "a" expects workspace with name "w" but none exists in pipeline spec',
        ),
        (
            'tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: "$(params.x)"}]}]',
            'non-existent variable in "$(params.x)": spec.tasks[0].params[p]',
        ),
        (
            'tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: "$(foo)"}]}]',
            'invalid variable reference "$(foo)", must start with a valid prefix',
        ),
        (
            "tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: x},"
            " {name: p, value: y}]}]",
            'parameter names must be unique, the parameter "p" is also defined at:',
        ),
        (
            "tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: x}],"
            " matrix: {params: [{name: p, value: [y]}]}}]",
            "expected exactly one, got both: spec.tasks[0].matrix[p], spec.tasks[0].params[p]",
        ),
        (
            "tasks: [{name: a, taskRef: {name: t}, matrix: {params: ["
            f"{{name: p, value: {TWENTY}}}, {{name: q, value: {TWENTY}}}]}}}}]",
            "expected 0 <= 400 <= 256: spec.tasks[0].matrix",
        ),
        (
            "tasks: [{name: m, taskRef: {name: t}, matrix: {params: [{name: p, value: [y]}]}},"
            ' {name: a, taskRef: {name: t}, params: [{name: p, value: "$(tasks.m.results.r)"}]}]',
            "A matrixed pipelineTask can only be consumed in aggregate using [*] notation",
        ),
        (
            f"{{tasks: [{{name: a, {T}}}], results: [{{name: r, value: x}}]}}",
            "expected pipeline results to be task result expressions but no expressions were found",
        ),
        (
            f'{{tasks: [{{name: a, {T}}}], results: [{{name: r, value: "$(tasks.b.results.x)"}}]}}',
            "referencing a nonexistent task: spec.results[0].value",
        ),
        (
            "tasks: [{name: a, pipelineRef: {name: p}}]",
            'pipelineRef requires "enable-api-fields" feature gate to be "alpha" but it is "beta"',
        ),
        (
            f"tasks: [{{name: a, when: [{{input: a, operator: in}}], {T}}}]",
            "expecting non-empty values field: spec.tasks[0].when[0]",
        ),
        (f"tasks: [{{name: a, when: [{{cel: 'a &&'}}], {T}}}]", "invalid cel expression: a &&"),
        (
            f"{{workspaces: [{{name: w}}, {{name: w}}], tasks: [{{name: a, {T}}}]}}",
            'workspace with name "w" appears more than once',
        ),
        (
            "tasks: [{name: a, taskSpec: {steps: [{script: x}]}}]",
            "missing field(s): spec.tasks[0].taskSpec.steps[0].image",
        ),
    ],
)
def test_pipelines(refuse: Refuse, spec: str, expected: str) -> None:
    check(refuse, an_object("Pipeline", spec), expected)


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("TaskRun", "{}", "expected exactly one, got neither: spec.taskRef, spec.taskSpec"),
        (
            "TaskRun",
            f"{{taskRef: {{name: t}}, {T}}}",
            "expected exactly one, got both: spec.taskRef, spec.taskSpec",
        ),
        (
            "TaskRun",
            "{taskRef: {name: t}, status: Stop}",
            "Stop should be TaskRunCancelled or TaskRunPending: spec.status",
        ),
        (
            "TaskRun",
            "{taskRef: {name: t}, statusMessage: x}",
            "statusMessage should not be set if status is not set, but it is currently set to x",
        ),
        ("TaskRun", "{taskRef: {name: t}, retries: -1}", "-1 should be >= 0: spec.retries"),
        ("TaskRun", "{taskRef: {name: t}, timeout: -1s}", "-1s should be >= 0: spec.timeout"),
        (
            "TaskRun",
            "{taskRef: {name: t}, params: [{name: a, value: x}, {name: A, value: y}]}",
            "expected exactly one, got both: spec.params[A].name",
        ),
        (
            "TaskRun",
            "{taskRef: {name: t}, workspaces: [{name: w}]}",
            "expected exactly one, got neither: spec.workspaces[0].configmap",
        ),
        (
            "TaskRun",
            "{taskRef: {name: t}, workspaces: [{name: w, persistentVolumeClaim: {}}]}",
            "missing field(s): spec.workspaces[0].persistentvolumeclaim.claimname",
        ),
        (
            "TaskRun",
            "{taskRef: {name: t}, debug: {breakpoints: {onFailure: enabled}}}",
            'debug requires "enable-api-fields" feature gate to be "alpha"',
        ),
        ("TaskRun", "{taskRef: {resolver: git, name: t}}", "invalid URI for request"),
        (
            "TaskRun",
            'taskSpec: {steps: [{image: i, script: "$(params.x)"}]}',
            "non-existent variable in",
        ),
        (
            "PipelineRun",
            "{}",
            "expected exactly one, got neither: spec.pipelineRef",
        ),
        (
            "PipelineRun",
            "{pipelineRef: {name: p}, status: Stop}",
            "Stop should be Cancelled, CancelledRunFinally, StoppedRunFinally or PipelineRunPen",
        ),
        (
            "PipelineRun",
            "{pipelineRef: {name: p}, timeouts: {pipeline: 1h, tasks: 2h}}",
            "2h0m0s should be <= pipeline duration: spec.timeouts.tasks",
        ),
        (
            "PipelineRun",
            "{pipelineRef: {name: p}, timeouts: {pipeline: 1h, tasks: 40m, finally: 40m}}",
            "40m0s + 40m0s should be <= pipeline duration: spec.timeouts.finally, spec.timeouts",
        ),
        (
            "PipelineRun",
            '{pipelineRef: {name: p}, params: [{name: a, value: "$(tasks.t.results.r)"}]}',
            "cannot use result expressions in [tasks.t.results.r] as PipelineRun parameter values",
        ),
        (
            "PipelineRun",
            "{pipelineRef: {name: p}, workspaces: [{name: w, emptyDir: {}},"
            " {name: w, emptyDir: {}}]}",
            'workspace "w" provided by pipelinerun more than once, at index 0 and 1',
        ),
        (
            "PipelineRun",
            "{pipelineRef: {name: p}, taskRunSpecs: [{pipelineTaskName: t, timeout: 2h}]}",
            "2h0m0s should be <= pipeline duration 1h0m0s: spec.taskRunSpecs[0].timeout",
        ),
        (
            "PipelineRun",
            "pipelineSpec: {tasks: [{name: a,"
            ' taskSpec: {steps: [{image: i, script: "$(params.x)"}]}}]}',
            "non-existent variable in",
        ),
    ],
)
def test_runs(refuse: Refuse, kind: str, spec: str, expected: str) -> None:
    check(refuse, an_object(kind, spec), expected)


@pytest.mark.parametrize(
    ("kind", "version", "spec", "expected"),
    [
        ("CustomRun", "v1beta1", "{}", "expected exactly one, got neither: spec.customRef"),
        (
            "CustomRun",
            "v1beta1",
            "customRef: {kind: x}",
            "missing field(s): spec.customRef.apiVersion",
        ),
        ("StepAction", "v1beta1", "{}", "missing field(s): spec.image"),
        (
            "StepAction",
            "v1beta1",
            '{image: i, params: [{name: a}], script: "$(params.a)"}',
            "param substitution in scripts is not allowed.: spec.script",
        ),
        (
            "StepAction",
            "v1beta1",
            "{image: i, volumeMounts: [{name: v, mountPath: /x}]}",
            "expect the Name to be a single param reference",
        ),
        ("VerificationPolicy", "v1alpha1", "{}", "missing field(s): authorities, resources"),
        ("PipelineResource", "v1alpha1", "{type: x}", "invalid value: spec.type: x"),
        ("PipelineResource", "v1alpha1", "{type: cluster}", "missing field(s): name param"),
        ("PipelineResource", "v1alpha1", "{type: storage}", "missing field(s): spec.params.type"),
        (
            "Pipeline",
            "v1alpha1",
            "tasks: [{name: a, taskRef: {name: t}, resources: {inputs: [{name: i, resource: r}]}}]",
            "Pipeline declared resources didn't match usage in Tasks: Didn't provide required",
        ),
        (
            "Pipeline",
            "v1alpha1",
            "{resources: [{name: r, type: git}], tasks: [{name: a, taskRef: {name: t}, resources:"
            " {inputs: [{name: i, resource: r, from: [b]}]}}, {name: b, taskRef: {name: t}}]}",
            "the resource r from b must be an output but is an input",
        ),
        (
            "Task",
            "v1alpha1",
            "{inputs: {resources: [{name: r, type: x}]}, steps: [{image: i}]}",
            "invalid value: x: spec.taskspec.Inputs.Resources.r.Type",
        ),
    ],
)
def test_other_kinds_and_versions(
    refuse: Refuse, kind: str, version: str, spec: str, expected: str
) -> None:
    check(refuse, an_object(kind, spec, version), expected)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "version", "spec", "field"),
    [
        ("Task", "v1", "steps: [{image: i, imagee: j}]", "imagee"),
        ("Task", "v1", "{steps: [{image: i}], inputs: {}}", "inputs"),
        ("Task", "v1", "steps: [{image: i, resources: {}}]", "resources"),
        ("TaskRun", "v1", "{taskRef: {name: t}, serviceAccount: x}", "serviceAccount"),
        (
            "PipelineRun",
            "v1",
            "{pipelineRef: {name: p}, serviceAccountName: x}",
            "serviceAccountName",
        ),
        ("PipelineRun", "v1beta1", "{pipelineRef: {name: p}, foo: {}}", "foo"),
        ("Task", "v1alpha1", "{steps: [{image: i}], input: {}}", "input"),
    ],
)
def test_unknown_fields_are_refused(
    refuse: Refuse, kind: str, version: str, spec: str, field: str
) -> None:
    message = refuse(an_object(kind, spec, version))

    assert message == (
        'admission webhook "webhook.pipeline.tekton.dev" denied the request: mutation failed:'
        f' cannot decode incoming new object: json: unknown field "{field}"'
    )


def test_keys_match_in_any_case(server: Any) -> None:
    """An example of upstream's writes ``mountpath``, and means it."""
    made = server.create(
        a_task(
            """
            workspaces: [{name: w, Optional: true}]
            steps: [{Image: i, workspaces: [{name: w, mountpath: /here}]}]
            """
        )
    )

    assert made["spec"]["steps"] == [
        {"image": "i", "workspaces": [{"name": "w", "mountPath": "/here"}]}
    ]
    assert made["spec"]["workspaces"] == [{"name": "w", "optional": True}]


def test_values_are_text_lists_or_objects_of_text(server: Any) -> None:
    made = server.create(
        an_object(
            "TaskRun",
            """
            taskRef: {name: t}
            params:
            - {name: number, value: 1}
            - {name: boolean, value: true}
            - {name: mixed, value: [a, 1]}
            - {name: list, value: [a, b]}
            - {name: object, value: {k: v}}
            - {name: deep, value: {k: [v]}}
            """,
        )
    )

    assert {p["name"]: p["value"] for p in made["spec"]["params"]} == {
        "number": "1",
        "boolean": "true",
        "mixed": '["a",1]',
        "list": ["a", "b"],
        "object": {"k": "v"},
        "deep": '{"k":["v"]}',
    }
