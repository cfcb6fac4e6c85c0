"""The stand-in for git-init, over repositories of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wakeful.oci.builtin.programs import git_init
from wakeful.testing.platform import Answer, run


def git(*words: str, cwd: Path) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    allow = ["-c", "protocol.file.allow=always"]
    return run(["git", "-C", str(cwd), *identity, *allow, *words]).out.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits, a tag, a branch, a submodule."""
    part = tmp_path / "part"
    part.mkdir()
    git("init", "-q", "-b", "main", cwd=part)
    (part / "in-part").write_text("x")
    git("add", ".", cwd=part)
    git("commit", "-qm", "part", cwd=part)
    root = tmp_path / "origin"
    root.mkdir()
    git("init", "-q", "-b", "main", cwd=root)
    (root / "file").write_text("one")
    git("add", ".", cwd=root)
    git("commit", "-qm", "one", cwd=root)
    git("tag", "v1", cwd=root)
    (root / "file").write_text("two")
    git("submodule", "add", "-q", str(part), "sub", cwd=root)
    git("add", ".", cwd=root)
    git("commit", "-qm", "two", cwd=root)
    git("branch", "b1.0", cwd=root)
    return root


def fetch(tmp_path: Path, *flags: str) -> Answer:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TEKTON_RESOURCE_NAME": "src"}
    program = [sys.executable, "-IS", git_init.__file__]
    told = ["-terminationMessagePath", str(tmp_path / "told")]
    done = subprocess.run(
        [*program, *flags, *told], capture_output=True, text=True, env=env, check=False, timeout=120
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("revision", "content"), [("", "two"), ("main", "two"), ("b1.0", "two"), ("v1", "one")]
)
def test_revisions_are_fetched(
    repository: Path, tmp_path: Path, revision: str, content: str
) -> None:
    """Into a directory that may exist and hold something; the commit is told."""
    target = tmp_path / "work"
    target.mkdir()
    (target / "left").write_text("over")
    url = f"file://{repository}"
    answer = fetch(tmp_path, "-url", url, f"-revision={revision}", "--path", str(target))
    assert answer.code == 0, answer.err
    assert (target / "file").read_text() == content
    assert not (target / "left").exists()
    commit = git("rev-parse", revision or "HEAD", cwd=repository)
    told = {entry["key"]: entry["value"] for entry in json.loads((tmp_path / "told").read_text())}
    assert told == {"commit": commit, "url": url}
    assert f"@ {commit} in path" in answer.err


def test_submodules_commits_and_depth(repository: Path, tmp_path: Path) -> None:
    """With submodules unless not wanted; a commit by its name; the whole history."""
    target = tmp_path / "work"
    where = ("-url", f"file://{repository}", "-path", str(target))
    assert fetch(tmp_path, *where).code == 0
    assert (target / "sub" / "in-part").exists()
    assert git("rev-list", "--count", "HEAD", cwd=target) == "1"

    assert fetch(tmp_path, *where, "-submodules=false", "-depth=0").code == 0
    assert not (target / "sub" / "in-part").exists()
    assert git("rev-list", "--count", "HEAD", cwd=target) == "2"

    short = git("rev-parse", "--short", "v1", cwd=repository)
    answer = fetch(tmp_path, *where, "-revision", short)
    assert answer.code == 0, answer.err
    assert (target / "file").read_text() == "one"


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("-url", "/nowhere"), "failed with exit code"),
        ((), "-url is required"),
        (("-url", "--upload-pack=x"), "is no address"),
        (("-url", "x", "-depth", "many"), "-depth 'many' is no number"),
        (("-url", "x", "-wrong", "y"), "unknown argument '-wrong'"),
    ],
)
def test_what_cannot_be_fetched_is_told(
    tmp_path: Path, flags: tuple[str, ...], problem: str
) -> None:
    answer = fetch(tmp_path, "-path", str(tmp_path / "work"), *flags)
    assert answer.code == 1
    assert problem in answer.err
