"""Procfiles: what to start, in the author's own words."""

from __future__ import annotations

import re
import shlex

from wakeful.oci.build.model import Recipe, Source
from wakeful.oci.errors import BuildError

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")
_SHELL = set("$&|;<>`*?(){}~")


def parse_procfile(source: Source) -> str:
    """Return the command of ``web``, or of the only process; "" without a Procfile.

    Raises:
        BuildError: The file is there and names no such command.
    """
    if not source.has("Procfile"):
        return ""
    processes: dict[str, str] = {}
    for line in source.text("Procfile").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise BuildError(
                    str(source.path), f"Procfile: {line.strip()!r} is not NAME: COMMAND"
                )
            processes[match[1]] = match[2].strip()
    if "web" in processes:
        return processes["web"]
    if len(processes) == 1:
        return next(iter(processes.values()))
    raise BuildError(str(source.path), "Procfile: no process is called 'web'")


def make_command(text: str, recipe: Recipe) -> tuple[str, ...]:
    """The words of a command; through a shell only when it needs one.

    Without a shell a program starts sooner and gets its signals itself.
    """
    if set(text) & _SHELL or re.match(r"\w+=|exec\s", text):
        return ("/bin/sh", "-c", text if re.match(r"\w+=|exec\s|.*[;&|]", text) else f"exec {text}")
    words = shlex.split(text)
    return (recipe.programs.get(words[0], words[0]), *words[1:])
