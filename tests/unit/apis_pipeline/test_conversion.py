"""Three versions, one stored shape."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml

from wakeful.apis.pipeline import RESOURCES

OLD_TASK = """
apiVersion: tekton.dev/v1alpha1
kind: Task
spec:
  inputs:
    resources: [{name: source, type: git, targetPath: go/src}]
    params: [{name: path, default: ./Dockerfile}, {name: both, default: inner}]
  params: [{name: beside, default: x}, {name: both, default: outer}]
  outputs:
    resources: [{name: image, type: image, outputImageDir: /out}]
    results: [{name: junit, format: xml, path: /x}]
  stepTemplate: {name: unused, resources: {requests: {cpu: 1m}}}
  steps:
  - name: build
    image: kaniko
    args: ["--dockerfile=${inputs.params.path}"]
    resources: {limits: {cpu: "1"}}
    ports: [{containerPort: 80}]
    tty: true
  sidecars: [{name: s, image: i, resources: {limits: {cpu: "2"}}}]
"""
OLD_RUN = """
apiVersion: tekton.dev/v1alpha1
kind: PipelineRun
spec:
  pipelineRef: {name: p}
  serviceAccount: builder
  serviceAccounts: [{taskName: a, serviceAccount: other}]
  serviceAccountNames: [{taskName: b, serviceAccountName: third}]
  podTemplate: {nodeSelector: {a: b}}
  timeout: 20m
  status: PipelineRunCancelled
  params: [{name: a, value: b}]
  resources: [{name: source, resourceRef: {name: repo}}]
"""
BETA_RUN = """
apiVersion: tekton.dev/v1beta1
kind: TaskRun
spec:
  taskRef: {name: t, bundle: registry.local/tasks}
  params: [{name: a, value: b}]
  resources: {inputs: [{name: source, resourceSpec: {type: git, params: [{name: url, value: u}]}}]}
  stepOverrides: [{name: s, resources: {limits: {cpu: "1"}}}]
  sidecarOverrides: [{name: d, resources: {limits: {cpu: "1"}}}]
"""


def test_tasks_of_2019_become_todays(server: Any) -> None:
    server.create(OLD_TASK)
    spec = server.get("v1", "tasks")["spec"]

    assert [p["name"] for p in spec["params"]] == ["beside", "both", "path"]
    assert spec["params"][1]["default"] == "outer"
    step = spec["steps"][0]
    assert step["computeResources"] == {"limits": {"cpu": "1"}}
    assert step["legacy"] == {"ports": [{"containerPort": 80}], "tty": True}
    assert spec["stepTemplate"] == {"computeResources": {"requests": {"cpu": "1m"}}}
    assert spec["sidecars"][0]["computeResources"] == {"limits": {"cpu": "2"}}
    assert spec["legacy"] == {
        "inputs": [{"name": "source", "type": "git", "targetPath": "go/src"}],
        "outputs": [{"name": "image", "type": "image", "outputImageDir": "/out"}],
    }


def test_they_are_shown_in_each_version_as_it_knows_them(server: Any) -> None:
    server.create(OLD_TASK)
    old = server.get("v1alpha1", "tasks")["spec"]
    beta = server.get("v1beta1", "tasks")["spec"]

    assert {"params", "resources"} == set(old["inputs"])
    assert {"resources"} == set(old["outputs"])
    assert "params" not in old
    assert old["steps"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert old["steps"][0]["tty"] is True
    assert {"inputs", "outputs"} == set(beta["resources"])
    assert [p["name"] for p in beta["params"]] == ["beside", "both", "path"]
    assert "legacy" not in str(old) + str(beta)


def test_parameters_of_2019_alone_are_remembered_as_such(server: Any) -> None:
    """The book's first task: nothing but parameters, and its run gives a text for a list."""
    server.create(
        """
        apiVersion: tekton.dev/v1alpha1
        kind: Task
        spec:
          inputs: {params: [{name: flags, type: array}]}
          steps: [{image: i, args: ["echo ${inputs.params.flags} ; echo ${someURL}"]}]
        """
    )

    assert server.get("v1", "tasks")["spec"]["legacy"] == {}
    assert server.get("v1alpha1", "tasks")["spec"]["inputs"] == {
        "params": [{"name": "flags", "type": "array"}]
    }
    assert "resources" not in server.get("v1beta1", "tasks")["spec"]


def test_todays_objects_are_shown_as_later_v1alpha1_had_them(server: Any) -> None:
    server.create(
        """
        apiVersion: tekton.dev/v1
        kind: Task
        spec: {params: [{name: a}], steps: [{image: i}]}
        """
    )
    shown = server.get("v1alpha1", "tasks")["spec"]

    assert shown == {"params": [{"name": "a", "type": "string"}], "steps": [{"image": "i"}]}


def test_pipelineruns_of_2019_become_todays(server: Any) -> None:
    server.create(OLD_RUN)
    spec = server.get("v1", "pipelineruns")["spec"]
    old = server.get("v1alpha1", "pipelineruns")["spec"]

    assert spec["taskRunTemplate"] == {
        "serviceAccountName": "builder",
        "podTemplate": {"nodeSelector": {"a": "b"}},
    }
    assert spec["timeouts"] == {"pipeline": "20m0s"}
    assert spec["status"] == "Cancelled"
    assert spec["taskRunSpecs"] == [
        {"pipelineTaskName": "a", "serviceAccountName": "other"},
        {"pipelineTaskName": "b", "serviceAccountName": "third"},
    ]
    assert spec["legacy"] == {"resources": [{"name": "source", "resourceRef": {"name": "repo"}}]}
    assert old["timeout"] == "20m0s"
    assert old["serviceAccountName"] == "builder"
    assert old["resources"] == [{"name": "source", "resourceRef": {"name": "repo"}}]


def test_taskruns_of_v1beta1_become_todays(server: Any) -> None:
    server.create(BETA_RUN)
    spec = server.get("v1", "taskruns")["spec"]
    beta = server.get("v1beta1", "taskruns")["spec"]

    assert spec["taskRef"] == {
        "resolver": "bundles",
        "params": [
            {"name": "bundle", "value": "registry.local/tasks"},
            {"name": "name", "value": "t"},
            {"name": "kind", "value": "task"},
        ],
    }
    assert spec["stepSpecs"] == [{"name": "s", "computeResources": {"limits": {"cpu": "1"}}}]
    assert beta["stepOverrides"] == [{"name": "s", "resources": {"limits": {"cpu": "1"}}}]
    assert list(beta["resources"]) == ["inputs"]


def test_statuses_are_shown_in_each_version_as_it_knows_them(server: Any) -> None:
    server.create(BETA_RUN)
    status = {
        "results": [{"name": "r", "type": "string", "value": "v"}],
        "taskSpec": {"steps": [{"image": "i", "computeResources": {"limits": {"cpu": "1"}}}]},
        "retriesStatus": [{"results": [{"name": "r", "type": "string", "value": "w"}]}],
    }
    server.patch("v1", "taskruns", {"status": status}, subresource="status")
    beta = server.get("v1beta1", "taskruns")["status"]

    assert beta["taskResults"][0]["value"] == "v"
    assert beta["retriesStatus"][0]["taskResults"][0]["value"] == "w"
    assert beta["taskSpec"]["steps"][0]["resources"] == {"limits": {"cpu": "1"}}


def test_two_timeouts_that_differ_are_refused(server: Any) -> None:
    text = """
    apiVersion: tekton.dev/v1beta1
    kind: PipelineRun
    spec: {pipelineRef: {name: p}, timeout: 1h, timeouts: {pipeline: 2h}}
    """

    assert "expected exactly one, got both: spec.timeout, spec.timeouts" in server.refuse(text)


def test_applying_the_same_old_file_again_changes_nothing(server: Any) -> None:
    """What kubectl sends is what its file has and the object, as v1alpha1 shows it, has not."""
    server.create(OLD_TASK)
    before = server.get("v1", "tasks")

    server.patch("v1alpha1", "tasks", {"spec": yaml.safe_load(OLD_TASK)["spec"]})

    assert server.get("v1", "tasks")["spec"] == before["spec"]


@pytest.mark.parametrize("text", [OLD_TASK, OLD_RUN, BETA_RUN])
def test_every_version_can_be_read_back(server: Any, text: str) -> None:
    """What is stored survives going out and coming in, in every version."""
    stored = server.create(text)
    resource = next(r for r in RESOURCES if r.kind == stored["kind"])
    hub = server.get("v1", resource.plural)
    for version in resource.served_versions:
        assert version.to_hub is not None
        assert version.from_hub is not None
        shown = version.from_hub(deepcopy(hub))
        assert version.to_hub(shown)["spec"] == hub["spec"], version.name


def test_clustertasks_and_stepactions_are_read_in_their_older_spellings(server: Any) -> None:
    cluster = server.create(OLD_TASK.replace("kind: Task", "kind: ClusterTask"))
    assert cluster["spec"]["inputs"]["params"][0]["name"] == "beside"
    made = server.create(
        """
        apiVersion: tekton.dev/v1alpha1
        kind: StepAction
        spec: {image: i, params: [{name: a}]}
        """
    )
    assert made["spec"]["params"] == [{"name": "a", "type": "string"}]
