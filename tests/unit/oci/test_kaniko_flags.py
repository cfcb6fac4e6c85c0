"""kaniko's command line."""

from __future__ import annotations

import pytest

from wakeful.oci.kaniko.flags import Options, UsageError, parse_flags


def test_the_books_command_line() -> None:
    argv = [
        "--dockerfile=Dockerfile",
        "--destination=registry.example/a:1.0",
        "--context=/workspace/git-source/src",
    ]
    assert parse_flags(argv, {}) == Options(
        dockerfile="Dockerfile",
        destinations=("registry.example/a:1.0",),
        context="/workspace/git-source/src",
    )


def test_flags_of_every_form() -> None:
    """With ``=`` and without, short, repeated, and such as change nothing."""
    argv = [
        "-f", "D", "-c", "dir:///w", "--context-sub-path", "app",
        "-d", "a:1", "--destination", "b:2",
        "--build-arg", "x=1=2", "--build-arg=FROM_ENV", "--build-arg", "MISSING",
        "--insecure", "--skip-tls-verify=true", "--cache=true", "--cache-ttl", "6h",
        "--digest-file", "/d", "--target=build", "--label", "k=v", "--oci-layout-path=/o",
        "--snapshotMode=redo", "--single-snapshot", "--no-push",
    ]  # fmt: skip
    found = parse_flags(argv, {"FROM_ENV": "e"})
    assert found == Options(
        dockerfile="D",
        context="/w/app",
        destinations=("a:1", "b:2"),
        build_args={"x": "1=2", "FROM_ENV": "e"},
        labels={"k": "v"},
        target="build",
        insecure=True,
        skip_tls_verify=True,
        no_push=True,
        digest_file="/d",
        layout_path="/o",
    )


def test_unknown_flags_are_told_and_passed_over() -> None:
    found = parse_flags(["--new-thing", "value", "--other", "--destination=a"], {})
    assert found.destinations == ("a",)
    assert found.notices == (
        "flag --new-thing is not known here and changes nothing",
        "flag --other is not known here and changes nothing",
    )


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["build"], "unknown command 'build': kaniko takes flags only"),
        (["--destination"], "flag needs an argument: --destination"),
        (["--context=gs://bucket/x"], "--context 'gs://bucket/x': only directories are built here"),
    ],
)
def test_what_cannot_be_meant(argv: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_flags(argv, {})
