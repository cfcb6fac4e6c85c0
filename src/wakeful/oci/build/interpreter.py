"""Finding a Python that the application will also find in its sandbox."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import orjson
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from wakeful.aio import run_program
from wakeful.oci.errors import BuildError

VISIBLE = ("/usr", "/bin", "/lib", "/lib64", "/opt")
"""Host directories that every sandbox with the host's root file system shows."""

_ASK = (
    "import json,os,sys;"
    "print(json.dumps([list(sys.version_info[:3]),os.path.realpath(sys.executable),"
    "os.path.realpath(sys.base_prefix)]))"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python of this machine."""

    path: str
    """Without links, so that it needs no directory but its own prefix."""
    prefix: str
    version: tuple[int, int, int]

    @property
    def host_paths(self) -> tuple[str, ...]:
        """Directories that a sandbox must show for it, besides the usual ones."""
        return host_paths_for(self.path, self.prefix)

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.path})"


def host_paths_for(program: str, prefix: str = "") -> tuple[str, ...]:
    """The directory a program outside of the usual places needs: its installation prefix."""
    if any(PurePosixPath(program).is_relative_to(place) for place in VISIBLE):
        return ()
    directory = PurePosixPath(program).parent
    fallback = directory.parent if directory.name == "bin" else directory
    return (str(prefix or fallback),)


async def find_interpreter(
    requirement: str, *, subject: str, candidates: Sequence[str] | None = None
) -> Interpreter:
    """Return the first Python that meets ``requirement``, a specifier such as ``>=3.11``.

    The system's come first: they need nothing that a sandbox hides.

    Raises:
        BuildError: None does; the message names those that were found.
    """
    try:
        wanted = SpecifierSet(requirement)
    except InvalidSpecifier as error:
        raise BuildError(subject, f"requires-python {requirement!r} cannot be read") from error
    found: list[Interpreter] = []
    for candidate in candidates or _candidates():
        interpreter = await _ask(candidate)
        if interpreter is None or interpreter in found:
            continue
        found.append(interpreter)
        if wanted.contains(".".join(map(str, interpreter.version))):
            return interpreter
    known = ", ".join(map(str, found)) or "none at all"
    raise BuildError(
        subject,
        f"needs Python {requirement or 'of any version'}, and this machine has {known}; "
        "install a fitting one, or change requires-python",
    )


def _candidates() -> list[str]:
    newest_first = sorted(
        Path("/usr/bin").glob("python3.[0-9]*"),
        key=lambda path: [int(part) for part in path.name[6:].split(".") if part.isdecimal()],
        reverse=True,
    )
    versioned = [str(path) for path in newest_first if path.name.count("-") == 0]
    own = str(Path(sys.executable).resolve())
    return ["/usr/bin/python3", "/usr/local/bin/python3", *versioned, own]


async def _ask(candidate: str) -> Interpreter | None:
    try:
        done = await run_program((candidate, "-ISc", _ASK))
        (major, minor, micro), path, prefix = orjson.loads(done.output)
        return Interpreter(str(path), str(prefix), (int(major), int(minor), int(micro)))
    except (OSError, ValueError, TypeError):
        return None
