"""How results look on a terminal and in a pipe."""

from __future__ import annotations

import errno
import io

import pytest
import typer
from rich.console import Console

from wakeful.cli import output

URL = "http://a-service-with-a-long-name.some-namespace.apps.example.org:8080"


def screen(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    written = io.StringIO()
    console = Console(
        file=written,
        width=40,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        soft_wrap=True,
    )
    monkeypatch.setattr(output, "console", console)
    return written


def test_cells_are_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a narrow terminal lines wrap; a URL that is cut cannot be opened."""
    written = screen(monkeypatch, terminal=True)

    output.print_table(["Name", "URL", "Ready"], [["one", URL, "True"], ["other", None, "False"]])

    assert URL in written.getvalue()
    assert "\x1b[32mTrue\x1b[0m" in written.getvalue()
    assert written.getvalue().count("\n") == 3


def test_without_a_terminal_tables_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubectl writes them, for awk and grep."""
    written = screen(monkeypatch, terminal=False)

    output.print_table(["Name", "URL"], [["one", URL], ["other", ""]])

    assert written.getvalue() == f"NAME    URL\none     {URL}\nother   <none>\n"


@pytest.mark.parametrize("file", ["/data/images/x", None])
def test_full_disk_is_one_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, file: str | None
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(output, "errors", Console(file=written, soft_wrap=True))

    @output.show_errors
    def build() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", file)

    with pytest.raises(typer.Exit) as left:
        build()
    assert left.value.exit_code == 1
    where = f" to {file}" if file else ""
    assert f"error: cannot write{where}: No space left on device" in written.getvalue()


def test_brackets_are_what_they_are() -> None:
    """Rich would take them for styles, and leave them out."""
    with output.console.capture() as captured:
        output.console.print("leave it in /data/[old]? [y/N]")

    assert captured.get() == "leave it in /data/[old]? [y/N]\n"
