"""Ignore files, in Docker's language."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wakeful.oci.build.ignore import IgnoreRules
from wakeful.oci.errors import BuildError


@pytest.mark.parametrize(
    ("patterns", "ignored", "kept"),
    [
        (["*.log"], ["a.log"], ["sub/a.log", "a.logs"]),
        (["**/*.log"], ["a.log", "x/y/a.log"], ["a.txt"]),
        (["/build/"], ["build", "build/x"], ["sub/build", "builds"]),
        (["a/**/z"], ["a/z", "a/b/z", "a/b/c/z"], ["z"]),
        (["file.?", "[a-c]x", "[!a]y"], ["file.1", "bx", "by"], ["file.10", "dx", "ay"]),
        (["# note", "", "*", "!keep", "!sub/*.txt"], ["x", "sub/a.md"], ["keep", "sub/a.txt"]),
        (["*.md", "!README.md"], ["a.md"], ["README.md"]),
        (["a+b(c)"], ["a+b(c)"], ["aab(c)"]),
    ],
)
def test_the_last_match_decides(patterns: list[str], ignored: list[str], kept: list[str]) -> None:
    """Paths below a match are matched too; ``!`` takes back."""
    rules = IgnoreRules.parse(patterns)

    assert [p for p in ignored if not rules.ignores(p)] == []
    assert [p for p in kept if rules.ignores(p)] == []


def test_no_pattern_takes_long() -> None:
    begun = time.process_time()

    assert not IgnoreRules.parse(["**/a" * 40 + "/z"]).ignores("a/" * 80 + "y")
    assert time.process_time() - begun < 5


def test_pattern_that_cannot_be_read_is_named() -> None:
    with pytest.raises(BuildError, match=r"'\[z-a\]' of files to ignore: error parsing regexp: "):
        IgnoreRules.parse(["[z-a]"])


def test_what_never_belongs_in_an_image_is_left_out(tmp_path: Path) -> None:
    """Version control, caches and virtual environments, with or without an ignore file."""
    for name in (
        ".git/config",
        "pkg/__pycache__/a.pyc",
        "env/pyvenv.cfg",
        "env/bin/python",
        "pkg/a.py",
        "secret.key",
        "docs/a.md",
        "docs/keep.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / ".dockerignore").write_text("*.key\ndocs\n!docs/keep.md\n")

    kept = [relative for _, relative in IgnoreRules.of(tmp_path).walk(tmp_path)]

    assert kept == ["docs/keep.md", "pkg", "pkg/a.py"]
