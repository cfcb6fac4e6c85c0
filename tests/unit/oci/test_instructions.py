"""Dockerfiles as text."""

from __future__ import annotations

import pytest

from wakeful.oci.build.instructions import expand, parse_dockerfile, parse_pairs
from wakeful.oci.errors import BuildError


def test_stages_flags_and_continued_lines() -> None:
    """Comments between continued lines are left out."""
    text = """# syntax=docker/dockerfile:1
ARG BASE=python
FROM golang:1.13 as Builder
COPY --chown=1:2 --from=other a b
RUN apt-get update \\
  # why
  && apt-get install -y curl

FROM ${BASE}
CMD ["python", "app.py"]
ENTRYPOINT exec app
"""
    found = parse_dockerfile(text)
    assert [one.text for one in found.arguments] == ["BASE=python"]
    first, second = found.stages
    assert (first.base, first.name, first.line) == ("golang:1.13", "builder", 3)
    copy, run = first.instructions
    assert copy.flags == (("chown", "1:2"), ("from", "other"))
    assert (copy.text, copy.flag("from"), copy.flag("chmod")) == ("a b", "other", "")
    assert " ".join(run.text.split()) == "apt-get update && apt-get install -y curl"
    assert (second.base, second.name) == ("${BASE}", "")
    cmd, entrypoint = second.instructions
    assert cmd.words() == ["python", "app.py"]
    assert entrypoint.words() is None


def test_here_documents() -> None:
    """Several of them, with and without leading tabs."""
    text = "FROM a\nRUN <<EOF\nset -e\necho $x\nEOF\nCOPY <<-'a.txt' /x/\n\t\thi\n\ta.txt\nUSER 1\n"
    run, copy, user = parse_dockerfile(text).stages[0].instructions
    assert run.documents == {"EOF": "set -e\necho $x\n"}
    assert user.text == "1"
    assert copy.text.startswith("<<-'a")


def test_the_escape_character_can_be_another() -> None:
    """As files for Windows have it."""
    text = "# escape=`\nFROM a\nRUN one `\n two\n"
    assert parse_dockerfile(text).stages[0].instructions[0].text == "one  two"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Dockerfile: has no FROM"),
        ("RUN x\nFROM a\n", "Dockerfile: line 1: RUN before the first FROM"),
        ("FROM a\nBUILD x\n", "Dockerfile: line 2: unknown instruction BUILD"),
        ("FROM a b\n", "Dockerfile: line 1: FROM a b: not IMAGE [AS NAME]"),
        ("FROM a\n\nCMD\n", "Dockerfile: line 3: CMD needs an argument"),
        ("FROM a\nRUN <<EOF\nx\n", "Dockerfile: line 2: no end of <<EOF"),
    ],
)
def test_faults_name_their_line(text: str, problem: str) -> None:
    with pytest.raises(BuildError) as caught:
        parse_dockerfile(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$a/${a}x", "1/1x"),
        ("${b:-c}${b-d}", "cd"),
        ("${empty:-c}${empty-d}", "c"),
        ("${a:+y}${b:+n}", "y"),
        (r"\$a $missing.", "$a ."),
        ("${b:-$a}", "1"),
    ],
)
def test_variables(text: str, result: str) -> None:
    assert expand(text, {"a": "1", "empty": ""}) == result


def test_pairs() -> None:
    """Both forms of ENV."""
    assert parse_pairs('a=b c="d e" f=', subject="D", line=1) == {"a": "b", "c": "d e", "f": ""}
    assert parse_pairs("a the rest", subject="D", line=1) == {"a": "the rest"}
    with pytest.raises(BuildError, match="line 7"):
        parse_pairs('a="b', subject="D", line=7)
