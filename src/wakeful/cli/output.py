"""How results and errors look: one console for people, plain text for pipes."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

import typer
import yaml
from rich.console import Console
from rich.text import Text

from wakeful.apimachinery.errors import APIStatusError, ServiceUnavailableError, WakefulError

console = Console(highlight=False, markup=False, soft_wrap=True)
"""Lines stay whole: terminals wrap them, pipes want them. Boxes are told to fit.

Brackets are what they are: paths and messages have them, and nothing here is written as markup.
"""
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

P = ParamSpec("P")
R = TypeVar("R")

_NOT_UP = "Is the platform up? `wakeful up` starts it."
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_GOOD = {"True", "Running", "Active", "Bound", "Completed", "Succeeded", "ok", "ready"}
_BAD = {"False", "Failed", "Error", "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "down"}
_WAITING = {"Unknown", "Pending", "ContainerCreating", "Terminating", "starting"}


def show_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn expected errors into one line on stderr and exit code 1."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ServiceUnavailableError as err:
            fail(err.message, hint="`wakeful status` tells what runs; `wakeful up` starts it.")
        except APIStatusError as err:
            fail(f"Error from server ({err.reason or int(err.code)}): {err.message}")
        except WakefulError as err:
            # Found by its name: importing the client takes longer than most commands.
            hint = _NOT_UP if type(err).__name__ == "KubeConfigError" else ""
            fail(str(err), hint=hint)
        except BrokenPipeError:
            raise typer.Exit(0) from None
        except OSError as err:
            if err.errno not in _NO_ROOM:
                raise
            where = f" to {err.filename}" if err.filename else ""
            fail(f"cannot write{where}: {err.strerror}", hint="`df -h` tells which disk is full.")

    return guarded


def fail(message: str, *, hint: str = "", code: int = 1) -> NoReturn:
    """Say what is wrong and what to do about it, then exit."""
    errors.print(Text.assemble(("error: ", "bold red"), message))
    if hint:
        errors.print(Text(hint, style="dim"))
    raise typer.Exit(code)


def colored(cell: str) -> Text:
    """A table cell in the colour of what it says."""
    style = ""
    if cell in _GOOD:
        style = "green"
    elif cell in _BAD:
        style = "red"
    elif cell in _WAITING:
        style = "yellow"
    return Text(cell, style=style)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as kubectl sets them, never cut: what they say is there to be copied.

    Colours only on a terminal, which wraps what is longer than its lines.
    """
    texts = [["<none>" if c in (None, "") else str(c) for c in row] for row in rows]
    lines = [[header.upper() for header in headers], *texts]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    for number, line in enumerate(lines):
        cells = [colored(cell) if number else Text(cell, style="bold") for cell in line]
        gaps = [" " * (width - len(cell)) for cell, width in zip(line, widths, strict=True)]
        row = Text("   ").join(cell + gap for cell, gap in zip(cells, gaps, strict=True))
        row.rstrip()
        console.print(row)


def print_data(data: Any, form: str) -> None:
    """Whole objects as JSON or YAML."""
    if form == "json":
        sys.stdout.write(json.dumps(data, indent=4) + "\n")
    else:
        sys.stdout.write(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
