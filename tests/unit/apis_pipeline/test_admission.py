"""Defaults, what may change once a run has started, feature flags, and how kinds are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.tables import render_row
from wakeful.apis.pipeline import RESOURCES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TASK_RUN = """
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: x, annotations: {chains.tekton.dev/signed: "true", mine: kept}}
spec: {taskRef: {name: t}}
"""
PIPELINE_RUN = """
apiVersion: tekton.dev/v1
kind: PipelineRun
spec:
  pipelineSpec:
    params: [{name: a, default: [x]}, {name: b, properties: {k: {}}}, {name: c}]
    tasks:
    - {name: a, taskRef: {name: t}}
    - {name: b, taskSpec: {results: [{name: r}], steps: [{image: i}]}}
"""


def test_taskruns_get_what_they_do_not_say(server: Any) -> None:
    server.configure(
        "config-defaults",
        default_timeout_minutes="20",
        default_service_account="builder",
        default_managed_by_label_value="us",
        default_pod_template="{nodeSelector: {a: b}}",
    )
    made = server.create(TASK_RUN)

    assert made["spec"] == {
        "taskRef": {"name": "t", "kind": "Task"},
        "serviceAccountName": "builder",
        "timeout": "20m0s",
        "podTemplate": {"nodeSelector": {"a": "b"}},
    }
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "us"}
    assert made["metadata"]["annotations"] == {"mine": "kept"}


def test_pipelineruns_get_what_they_do_not_say(server: Any) -> None:
    spec = server.create(PIPELINE_RUN)["spec"]

    assert spec["timeouts"] == {"pipeline": "1h0m0s"}
    assert spec["taskRunTemplate"] == {"serviceAccountName": "default"}
    assert [p["type"] for p in spec["pipelineSpec"]["params"]] == ["array", "object", "string"]
    assert spec["pipelineSpec"]["params"][1]["properties"] == {"k": {"type": "string"}}
    tasks = spec["pipelineSpec"]["tasks"]
    assert tasks[0]["taskRef"] == {"name": "t", "kind": "Task"}
    assert tasks[1]["taskSpec"]["results"] == [{"name": "r", "type": "string"}]


@pytest.mark.parametrize(
    ("text", "plural", "patch", "expected"),
    [
        (
            TASK_RUN,
            "taskruns",
            {"spec": {"serviceAccountName": "other"}},
            "Once the TaskRun has started, only status and statusMessage updates are allowed",
        ),
        (
            PIPELINE_RUN,
            "pipelineruns",
            {"spec": {"taskRunTemplate": {"serviceAccountName": "other"}}},
            "Once the PipelineRun has started, only status updates are allowed",
        ),
        (TASK_RUN, "taskruns", {"spec": {"managedBy": "me"}}, "managedBy is immutable"),
        (PIPELINE_RUN, "pipelineruns", {"spec": {"managedBy": "me"}}, "managedBy is immutable"),
    ],
)
def test_runs_do_not_change(
    server: Any, text: str, plural: str, patch: dict[str, Any], expected: str
) -> None:
    server.create(text)

    with pytest.raises(BadRequestError, match=expected):
        server.patch("v1", plural, patch)


@pytest.mark.parametrize(
    ("text", "plural", "status", "kind", "pending"),
    [
        (TASK_RUN, "taskruns", "TaskRunCancelled", "TaskRun", "TaskRunPending"),
        (PIPELINE_RUN, "pipelineruns", "Cancelled", "PipelineRun", "PipelineRunPending"),
    ],
)
def test_runs_are_cancelled_as_tkn_does_it_until_they_are_over(
    server: Any, text: str, plural: str, status: str, kind: str, pending: str
) -> None:
    """A JSON patch replaces a member that is not there; labels may change at any time."""
    server.create(text)
    started = {"startTime": "2026-01-01T00:00:00Z"}
    server.patch("v1", plural, {"status": started}, subresource="status")
    with pytest.raises(BadRequestError, match=f"{kind} cannot be Pending after it is started"):
        server.patch("v1", plural, {"spec": {"status": pending}})

    replace = [{"op": "replace", "path": "/spec/status", "value": status}]
    assert server.patch("v1", plural, replace)["spec"]["status"] == status

    over = {"conditions": [{"type": "Succeeded", "status": "False", "reason": "Cancelled"}]}
    server.patch("v1", plural, {"status": over}, subresource="status")
    with pytest.raises(BadRequestError, match=f"Once the {kind} is complete, no updates are"):
        server.patch("v1", plural, {"spec": {"status": None}})
    server.patch("v1", plural, {"metadata": {"labels": {"a": "b"}}})


@pytest.mark.parametrize(
    ("flags", "spec"),
    [
        ({"enable_api_fields": "alpha"}, "tasks: [{name: a, pipelineRef: {name: p}}]"),
        (
            {"enable_cel_in_whenexpression": "true"},
            "tasks: [{name: a, when: [{cel: 'true'}], taskRef: {name: t}}]",
        ),
        (
            {"enable_param_enum": "true"},
            "{params: [{name: a, enum: [x]}], tasks: [{name: a, taskRef: {name: t}}]}",
        ),
        (
            {"enable_artifacts": "true"},
            'tasks: [{name: a, taskSpec: {steps: [{image: i, script: "$(artifacts.path)"}]}}]',
        ),
    ],
)
def test_features_are_refused_until_their_flag_is_set(
    server: Any, flags: dict[str, str], spec: str
) -> None:
    text = f"apiVersion: tekton.dev/v1\nkind: Pipeline\nspec:\n  {spec}"
    server.refuse(text)
    server.configure("feature-flags", **flags)

    server.create(text)


def test_inline_specs_can_be_forbidden(server: Any) -> None:
    server.configure("feature-flags", disable_inline_spec="pipelinerun,taskrun")

    assert "must not set the field(s): spec.pipelineSpec" in server.refuse(PIPELINE_RUN)


def test_variables_kept_by_an_administrator_cannot_be_set(server: Any) -> None:
    server.configure("config-defaults", default_forbidden_env="TOKEN")
    text = TASK_RUN.replace(
        "taskRef: {name: t}", "taskRef: {name: t}, podTemplate: {env: [{name: TOKEN, value: x}]}"
    )

    assert "PodTemplate cannot update a forbidden env: TOKEN" in server.refuse(text)


def test_kinds_are_shown_as_upstream_shows_them() -> None:
    by_kind = {r.kind: r for r in RESOURCES}
    run = {
        "metadata": {"name": "x"},
        "status": {
            "startTime": "2026-01-02T03:04:00Z",
            "conditions": [{"type": "Succeeded", "status": "True", "reason": "Completed"}],
        },
    }

    assert [(r.kind, r.short_names) for r in RESOURCES if r.short_names] == [
        ("TaskRun", ("tr", "trs")),
        ("PipelineRun", ("pr", "prs")),
    ]
    columns = by_kind["PipelineRun"].columns
    assert [c.name for c in columns] == ["Succeeded", "Reason", "StartTime", "CompletionTime"]
    assert [c.value for c in by_kind["CustomRun"].columns] == [c.value for c in columns]
    assert render_row(columns, run, NOW)[-4:-1] == ["True", "Completed", "5s"]
    assert {r.kind: r.versions for r in RESOURCES if r.kind in ("Task", "StepAction", "Run")} == {
        "Task": ("v1", "v1beta1", "v1alpha1"),
        "StepAction": ("v1beta1", "v1alpha1"),
        "Run": ("v1alpha1",),
    }
    assert [r.kind for r in RESOURCES if not r.namespaced] == ["ClusterTask"]
