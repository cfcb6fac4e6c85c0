"""PipelineResources of 2019 as steps and variables."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.pipeline import PipelineResourceSpec, TaskRun, TaskSpec
from wakeful.apis.pipeline.legacy_types import TaskResources, TaskRunResources
from wakeful.pipelines.errors import RunFailedError
from wakeful.reconciler.pipeline.taskrun.legacy import referenced_resources, with_resources

GIT = PipelineResourceSpec.from_wire(
    {
        "type": "git",
        "params": [
            {"name": "URL", "value": "https://host/repo"},
            {"name": "revision", "value": "b1"},
        ],
    }
)
IMAGE = PipelineResourceSpec.from_wire(
    {"type": "image", "params": [{"name": "url", "value": "host/image"}]}
)


def a_task(*args: str, **resources: Any) -> TaskSpec:
    spec = TaskSpec.from_wire({"steps": [{"name": "own", "image": "i", "args": list(args)}]})
    spec.legacy = TaskResources.from_wire(resources)
    return spec


def a_run(**bindings: Any) -> TaskRun:
    run = TaskRun.from_wire(
        {"metadata": {"name": "run", "uid": "u", "labels": {"tekton.dev/pipelineRun": "pr"}}}
    )
    run.spec.legacy = TaskRunResources.from_wire(bindings)
    return run


def reference(name: str, to: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "resourceRef": {"name": to}, **more}


def test_git_is_fetched_in_front() -> None:
    task = a_task(
        "$(inputs.resources.source.url) ${inputs.resources.source.path}",
        "$(outputs.resources.built.url)",
        inputs=[{"name": "source", "type": "git", "targetPath": "app"}],
        outputs=[{"name": "built", "type": "image"}],
    )
    run = a_run(inputs=[reference("source", "repo")], outputs=[reference("built", "img")])
    assert referenced_resources(run) == ["repo", "img"]

    made = with_resources(run, task, {"repo": GIT, "img": IMAGE})

    names = [s.name.rpartition("-")[0] for s in made.steps]
    assert names == ["create-dir-img", "git-source-repo", ""]
    fetch = made.steps[1]
    assert fetch.args[:6] == [
        "-url",
        "https://host/repo",
        "-revision",
        "b1",
        "-path",
        "/workspace/app",
    ]
    assert made.steps[2].args == ["https://host/repo /workspace/app", "host/image"]
    assert with_resources(run, task, {"repo": GIT, "img": IMAGE}) == made


def test_what_another_task_left_is_copied() -> None:
    task = a_task(
        inputs=[{"name": "source", "type": "git"}], outputs=[{"name": "source", "type": "git"}]
    )
    run = a_run(
        inputs=[reference("source", "repo", paths=["/pvc/first/repo"])],
        outputs=[reference("source", "repo", paths=["/pvc/second/repo"])],
    )
    made = with_resources(run, task, {"repo": GIT})
    copies = [s.args[1] for s in made.steps if s.name.startswith("source-copy")]
    assert copies == [
        "mkdir -p /workspace/source && cp -r /pvc/first/repo/. /workspace/source",
        "mkdir -p /pvc/second/repo && cp -r /workspace/source/. /pvc/second/repo",
    ]
    claim = made.volumes[-1].persistent_volume_claim
    assert claim is not None
    assert claim.claim_name == "pr-pvc"


@pytest.mark.parametrize(
    ("bindings", "text"),
    [
        ({}, 'input resource "source" not provided'),
        ({"inputs": [reference("source", "img")]}, 'should be type "git" but was "image"'),
        ({"inputs": [reference("source", "gone")]}, "neither a reference nor a spec"),
    ],
)
def test_mistakes_are_named(bindings: dict[str, Any], text: str) -> None:
    task = a_task(inputs=[{"name": "source", "type": "git"}])
    with pytest.raises(RunFailedError, match=text):
        with_resources(a_run(**bindings), task, {"repo": GIT, "img": IMAGE})


def test_todays_tasks_are_left_alone() -> None:
    spec = TaskSpec.from_wire({"steps": [{"image": "i"}]})
    assert with_resources(a_run(), spec, {}) is spec
