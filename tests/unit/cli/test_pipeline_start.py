"""What ``wakeful pipeline run`` makes of its options."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wakeful.cli.pipelineruns import RunView, show_seconds, status_text
from wakeful.cli.pipelinestart import (
    StartError,
    copy_tree,
    fill_params,
    fill_resources,
    fill_workspaces,
    parse_workspace,
)
from wakeful.testing.platform import run

DECLARED: list[dict[str, Any]] = [
    {"name": "a", "description": "An a"},
    {"name": "b", "default": "1"},
    {"name": "list", "type": "array", "default": []},
    {"name": "o", "type": "object", "default": {}},
]


def test_missing_parameters_are_asked_for() -> None:
    asked = []

    def ask(name: str, description: str) -> str:
        asked.append((name, description))
        return "answer"

    filled = fill_params(DECLARED, {"list": "x,y", "o": "k:v, l:w"}, ask)

    assert asked == [("a", "An a")]
    assert filled == [
        {"name": "list", "value": ["x", "y"]},
        {"name": "o", "value": {"k": "v", "l": "w"}},
        {"name": "a", "value": "answer"},
    ]


def test_nobody_to_ask_and_unknown_names() -> None:
    with pytest.raises(StartError, match="missing parameters: a; give them with -p NAME=VALUE"):
        fill_params(DECLARED, {}, None)
    with pytest.raises(StartError, match="no parameter 'c'; it has a, b, list, o"):
        fill_params(DECLARED, {"c": ""}, None)


def test_workspaces_are_bound() -> None:
    """As told; the tree to the one that sounds like it; the rest to volumes of the run's own."""
    declared = [
        {"name": "cache"},
        {"name": "source"},
        {"name": "creds"},
        {"name": "o", "optional": True},
    ]
    bound, used = fill_workspaces(declared, ["name=creds,secret=s"], "tree-1")
    assert used == "source"
    assert [binding["name"] for binding in bound] == ["creds", "source", "cache"]
    assert bound[0] == {"name": "creds", "secret": {"secretName": "s"}}
    assert bound[1] == {"name": "source", "persistentVolumeClaim": {"claimName": "tree-1"}}
    assert "volumeClaimTemplate" in bound[2]
    assert fill_workspaces([{"name": "x"}, {"name": "y"}], [], "t")[1] == "x"
    assert fill_workspaces([], [], "t") == ([], "")


def test_workspaces_as_tkn_writes_them() -> None:
    assert parse_workspace("name=a,claimName=c,subPath=d/e") == {
        "name": "a",
        "persistentVolumeClaim": {"claimName": "c"},
        "subPath": "d/e",
    }
    assert parse_workspace("name=a,emptyDir=") == {"name": "a", "emptyDir": {}}
    for wrong in ("claimName=c", "name=a,hostPath=/"):
        with pytest.raises(StartError):
            parse_workspace(wrong)


def test_git_resources_become_the_tree() -> None:
    declared = [{"name": "src", "type": "git"}, {"name": "img", "type": "image"}]
    bound = fill_resources(declared, [{"name": "img", "resourceRef": {"name": "i"}}], "file:///t")
    assert bound[0]["resourceSpec"]["params"][0] == {"name": "url", "value": "file:///t"}
    assert bound[1] == {"name": "img", "resourceRef": {"name": "i"}}
    with pytest.raises(StartError, match="resource 'src'"):
        fill_resources(declared, [], "")


def test_a_tree_is_copied_as_it_is(tmp_path: Path) -> None:
    """With what git ignores and never saw, into a repository whose HEAD has all of it."""
    source = tmp_path / "tree"
    (source / "sub").mkdir(parents=True)
    (source / ".gitignore").write_text("*.log\n")
    (source / "sub" / "x.log").write_text("ignored")
    (source / "link").symlink_to("nowhere")

    copy_tree(source, tmp_path / "copy" / "a", as_repository=True)

    copy = tmp_path / "copy" / "a"
    assert (copy / "sub" / "x.log").read_text() == "ignored"
    listed = run(["git", "-C", str(copy), "ls-tree", "-r", "--name-only", "HEAD"]).out
    assert listed.split() == [".gitignore", "link", "sub/x.log"]
    assert not (source / ".git").exists()


def a_run(name: str, status: str, reason: str, **more: Any) -> dict[str, Any]:
    condition = {"type": "Succeeded", "status": status, "reason": reason, "message": "why"}
    return {"metadata": {"name": name}, "status": {"conditions": [condition], **more}}


def test_states_in_words() -> None:
    assert status_text(a_run("a", "True", "Completed")) == "Succeeded"
    assert status_text(a_run("a", "False", "StepFailed")) == "Failed (StepFailed)"
    assert status_text(a_run("a", "False", "Cancelled")) == "Cancelled"
    assert status_text(a_run("a", "Unknown", "Running")) == "Running"
    assert status_text({}) == "Waiting"
    assert [show_seconds(s) for s in (4.9, 63, 3700)] == ["4s", "1m3s", "1h1m"]


def test_the_tree_shows_every_task() -> None:
    """Those that run, were skipped, fan out, or wait; final ones last."""
    pipeline = {
        "tasks": [{"name": "a"}, {"name": "b"}, {"name": "c"}, {"name": "m"}],
        "finally": [{"name": "z"}],
    }
    children = {
        "r-a": a_run("r-a", "False", "Failed", retriesStatus=[{}]),
        "r-m-0": a_run("r-m-0", "True", "Succeeded"),
        "r-m-1": a_run("r-m-1", "Unknown", "Running"),
    }
    references = [
        {"name": "r-a", "pipelineTaskName": "a"},
        {"name": "r-m-0", "pipelineTaskName": "m"},
        {"name": "r-m-1", "pipelineTaskName": "m"},
    ]
    run_object = a_run(
        "r",
        "Unknown",
        "Running",
        pipelineSpec=pipeline,
        childReferences=references,
        skippedTasks=[{"name": "b", "reason": "because"}],
    )
    nodes = list(RunView(run_object, children).nodes(datetime(2026, 1, 1, tzinfo=UTC)))
    assert [(n.name, n.state, n.detail, n.is_final) for n in nodes] == [
        ("a", "Failed", "attempt 2: why", False),
        ("b", "Skipped", "because", False),
        ("c", "Waiting", "", False),
        ("m [0]", "Succeeded", "", False),
        ("m [1]", "Running", "", False),
        ("z", "Waiting", "", True),
    ]
