"""What the Pod of a TaskRun says to whoever carries out its steps: written and read back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wakeful.pipelines.entrypoint import (
    ArgumentsError,
    MessageTooLongError,
    ResultKind,
    RunResult,
    ScriptFile,
    StepArguments,
    StepResultError,
    StepResults,
    parse_message,
    parse_scripts,
    render_message,
    render_scripts,
    substitute,
    substitute_words,
)


def test_arguments_come_back_as_they_were_written() -> None:
    arguments = StepArguments(
        wait_file="/tekton/run/0/out",
        post_file="/tekton/run/1/out",
        step_metadata_dir="/tekton/run/1/status",
        results=("a", "b"),
        step_results=("c",),
        when=({"input": "x", "operator": "in", "values": ["x"]},),
        timeout=timedelta(minutes=1, seconds=30),
        on_error="continue",
        stdout_path="/workspace/out",
        credentials=(("basic-git", "s=https://host"), ("docker-config", "d")),
        entrypoint="sh",
        words=("-c", "--", "echo -results"),
    )
    assert StepArguments.parse(arguments.render()) == arguments


@pytest.mark.parametrize(
    "args",
    [["-unknown", "x"], ["word"], ["-timeout"], ["-timeout", "soon"], ["-when_expressions", "{"]],
)
def test_other_arguments_are_refused(args: list[str]) -> None:
    with pytest.raises(ArgumentsError):
        StepArguments.parse(args)


def test_scripts_come_back_and_nothing_else_is_taken_for_one() -> None:
    files = [
        ScriptFile("/tekton/scripts/script-0-abcde", '#!/bin/sh\necho "$(HOME) $$ é _EOF_"\n'),
        ScriptFile("/tekton/scripts/script-1-abcde", ""),
    ]
    assert parse_scripts(render_scripts(files)) == files
    assert parse_scripts(render_scripts(files) + "rm -rf /\n") is None


@pytest.mark.parametrize("compress", [False, True])
def test_messages_come_back(*, compress: bool) -> None:
    results = [
        RunResult("sum", "x" * 100, ResultKind.TASK_RESULT),
        RunResult("Reason", "Skipped", ResultKind.INTERNAL),
    ]
    text = render_message(results, compress=compress)
    assert text.startswith("tknz:") is compress
    assert parse_message(text) == results


def test_messages_have_a_limit() -> None:
    with pytest.raises(MessageTooLongError):
        render_message([RunResult("sum", "x" * 4096, ResultKind.TASK_RESULT)])
    assert parse_message("not ours") is None


FILES = {
    ("a", "results/text"): "plain\n",
    ("a", "results/list"): '["x", "y"]',
    ("a", "results/map"): '{"k": "v"}',
    ("a", "artifacts/provenance.json"): '{"outputs": [{"name": "img", "values": [{"uri": "u"}]}]}',
}
RESULTS = StepResults(lambda step, path: FILES.get((step, path)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<$(steps.a.results.text)>", "<plain\n>"),
        ("$(steps.a.results.list[1])", "y"),
        ("$(steps.a.results.map.k)", "v"),
        ("$(steps.a.outputs.img)", '[{"uri":"u"}]'),
        ("$(params.x) $(HOME)", "$(params.x) $(HOME)"),
    ],
)
def test_results_of_steps_are_put_in(text: str, value: str) -> None:
    assert substitute(text, RESULTS) == value


def test_a_whole_array_becomes_words() -> None:
    words = ["a", "$(steps.a.results.list[*])", "b"]
    assert substitute_words(words, RESULTS) == ["a", "x", "y", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "$(steps.b.results.text)",
        "$(steps.a.results.list[7])",
        "$(steps.a.results.map.other)",
        "x$(steps.a.results.list[*])",
        "$(steps.a.results.text[0])",
    ],
)
def test_references_to_nothing_are_refused(text: str) -> None:
    with pytest.raises(StepResultError):
        substitute(text, RESULTS)
