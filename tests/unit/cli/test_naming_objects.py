"""How commands are told which objects they are about."""

import pytest
import typer

from wakeful.cli.naming import named_objects, one_object


@pytest.mark.parametrize(
    ("words", "objects"),
    [
        (["pod", "a"], [("pod", "a")]),
        (["pod", "a", "b"], [("pod", "a"), ("pod", "b")]),
        (["pod/a"], [("pod", "a")]),
        (["pod/a", "ksvc/b"], [("pod", "a"), ("ksvc", "b")]),
        (["pod/a", "b"], [("pod", "a"), ("pod", "b")]),
    ],
)
def test_objects(words: list[str], objects: list[tuple[str, str]]) -> None:
    assert named_objects(words) == objects


def test_a_kind_alone_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((typer.Exit, SystemExit)):
        named_objects(["pod"])


@pytest.mark.parametrize("words", [["hello"], ["ksvc", "hello"], ["ksvc/hello"]])
def test_one_object(words: list[str]) -> None:
    assert one_object(words, "ksvc") == ("ksvc", "hello")


@pytest.mark.parametrize(
    "words", [["ksvc/"], ["/"], ["/hello"], ["ksvc", "a", "b"], ["ksvc/a", "b"]]
)
def test_anything_else_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((typer.Exit, SystemExit)):
        one_object(words, "ksvc")
    assert "name one object" in capsys.readouterr().err
