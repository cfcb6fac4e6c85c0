"""Which files of a source stay out of its image: ``.wakeignore``, else ``.dockerignore``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wakeful.apimachinery.patterns import PatternError, check_pattern, matches_whole
from wakeful.oci.errors import BuildError

IGNORE_FILES = (".wakeignore", ".dockerignore")

_ALWAYS = (
    "**/.git",
    "**/.hg",
    "**/.svn",
    "**/__pycache__",
    "**/*.py[co]",
    "**/.venv",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.pytest_cache",
    "**/.DS_Store",
    *IGNORE_FILES,
)


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Patterns in Docker's language; the last one that matches a path decides."""

    rules: tuple[tuple[str, bool], ...] = ()
    """Regular expressions of whole paths, and whether what they match stays out."""
    has_exceptions: bool = False

    @classmethod
    def of(cls, source: Path) -> IgnoreRules:
        """Read the source's own rules, after those that hold for every source."""
        lines: list[str] = list(_ALWAYS)
        for name in IGNORE_FILES:
            if (source / name).is_file():
                lines += (source / name).read_text(errors="replace").splitlines()
                break
        return cls.parse(lines)

    @classmethod
    def parse(cls, lines: Iterable[str]) -> IgnoreRules:
        """Read patterns, one a line; ``#`` starts a comment, ``!`` an exception.

        Raises:
            BuildError: A pattern cannot be read.
        """
        rules: list[tuple[str, bool]] = []
        exceptions = False
        for line in lines:
            pattern = line.strip()
            if not pattern or pattern.startswith("#"):
                continue
            keep = pattern.startswith("!")
            exceptions |= keep
            pattern = pattern.removeprefix("!").strip().strip("/")
            if pattern and pattern != ".":
                rules.append((_regular_expression(pattern), not keep))
        return cls(tuple(rules), exceptions)

    def ignores(self, relative: str) -> bool:
        """Whether the path, with ``/`` between its parts, stays out."""
        ignored = False
        for pattern, ignore in self.rules:
            if matches_whole(pattern, relative):
                ignored = ignore
        return ignored

    def walk(self, source: Path) -> Iterator[tuple[Path, str]]:
        """Yield every path that stays in, with its name relative to ``source``, sorted."""
        yield from self._walk(source, "")

    def _walk(self, directory: Path, prefix: str) -> Iterator[tuple[Path, str]]:
        for path in sorted(directory.iterdir()):
            relative = f"{prefix}{path.name}"
            if (path / "pyvenv.cfg").is_file():  # somebody's virtual environment
                continue
            ignored = self.ignores(relative)
            if not ignored:
                yield path, relative
            if path.is_dir() and not path.is_symlink() and (not ignored or self.has_exceptions):
                yield from self._walk(path, f"{relative}/")


def _regular_expression(pattern: str) -> str:
    translated = _translate(pattern)
    try:
        check_pattern(translated)
    except PatternError as err:
        raise BuildError(f"pattern {pattern!r} of files to ignore", str(err)) from err
    return translated


def _translate(pattern: str) -> str:
    """A regular expression for a pattern; what is below a matching directory matches too."""
    out, position = "(?s)", 0
    while position < len(pattern):
        char = pattern[position]
        if pattern.startswith("**/", position):
            out, position = f"{out}(?:.*/)?", position + 3
            continue
        if pattern.startswith("**", position):
            out, position = f"{out}.*", position + 2
            continue
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[" and (end := pattern.find("]", position + 2)) > 0:
            body = pattern[position + 1 : end].replace("\\", "\\\\")
            out += f"[{'^' + body[1:] if body.startswith(('!', '^')) else body}]"
            position = end
        elif char == "\\" and position + 1 < len(pattern):
            position += 1
            out += re.escape(pattern[position])
        else:
            out += re.escape(char)
        position += 1
    return f"{out}(?:/.*)?"
