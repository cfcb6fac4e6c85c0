"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wakeful.apimachinery.duration import parse_duration
from wakeful.cli.output import fail

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        "-D",
        envvar="WAKEFUL_DATA_DIR",
        help="Directory that holds all state.",
        show_default="~/.wakeful",
    ),
]
NamespaceOption = Annotated[
    str, typer.Option("--namespace", "-n", help="Namespace of the objects.")
]
AllNamespacesOption = Annotated[
    bool, typer.Option("--all-namespaces", "-A", help="Objects of every namespace.")
]
OutputOption = Annotated[
    str, typer.Option("--output", "-o", help="table, wide, name, json or yaml.")
]
TimeoutOption = Annotated[
    str, typer.Option("--timeout", help="How long to wait, such as 30s or 5m.")
]
FileOption = Annotated[
    list[str],
    typer.Option("--filename", "-f", help="File, directory or - for standard input; repeatable."),
]


def read_seconds(option: str, text: str) -> float:
    """Read a duration that was given as an option; a number alone is in seconds."""
    try:
        return float(text) if text.isdecimal() else parse_duration(text).total_seconds()
    except ValueError as err:
        fail(f"{option}: {err}", hint=f"Write it like {option} 90s or {option} 5m.")


def check_output(output: str, *allowed: str) -> None:
    """Refuse a form that a command does not write, rather than write another."""
    if output not in allowed:
        fail(f"--output {output!r}: there are {', '.join(allowed[:-1])} and {allowed[-1]}")
