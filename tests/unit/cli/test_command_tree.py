"""The list of commands, which nobody imports, and the commands themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from wakeful.cli.lazy import Entry, make_lazy_app
from wakeful.cmd.main import ENTRIES


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_list_says_what_the_command_says(entry: Entry) -> None:
    command = entry.load()
    assert command.name == entry.name
    assert (command.help or "").partition("\n\n")[0].replace("\n", " ") == entry.help


def test_the_list_imports_none_of_them() -> None:
    """Or every command would wait for all the others."""
    script = (
        "import sys; from typer.testing import CliRunner;"
        "from wakeful.cmd.main import ENTRIES; from wakeful.cli.lazy import make_lazy_app;"
        "done = CliRunner().invoke(make_lazy_app(ENTRIES), ['--help']);"
        "assert 'Start the platform.' in done.output, done.output;"
        "heavy = {'wakeful.client', 'wakeful.gateway', 'pydantic', 'aiohttp', 'grpc'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_what_is_named_runs() -> None:
    app = make_lazy_app(ENTRIES)
    assert CliRunner().invoke(app, ["version"]).output.startswith("wakeful ")
    assert "--detach" in CliRunner().invoke(app, ["up", "--help"]).output
    unknown = CliRunner().invoke(app, ["upp"])
    assert unknown.exit_code == 2
    assert "No such command 'upp'" in unknown.output
