"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
FileOption = Annotated[
    list[str],
    typer.Option("--filename", "-f", help="File, directory or - for standard input; repeatable."),
]
