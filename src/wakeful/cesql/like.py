r"""Patterns of LIKE: ``%`` any text, ``_`` one character, ``\%`` and ``\_`` themselves.

A pattern is cut at its ``%`` into pieces of fixed length which are looked for from left to right,
so matching takes no more than pattern times text; a regular expression would backtrack for hours on
an unkind pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PARTS = re.compile(r"\\[%_]|%|_|[^\\%_]+|\\", re.DOTALL)


def _pieces(pattern: str) -> list[tuple[str, int]]:
    """Regular expressions of the pieces between ``%``, with the length each matches."""
    pieces: list[tuple[str, int]] = [("", 0)]
    for part in _PARTS.findall(pattern):
        regex, length = pieces[-1]
        if part == "%":
            pieces.append(("", 0))
        elif part == "_":
            pieces[-1] = (regex + ".", length + 1)
        else:
            text = part[1:] if part in (r"\%", r"\_") else part
            pieces[-1] = (regex + re.escape(text), length + len(text))
    return pieces


def compile_like(pattern: str) -> Callable[[str], bool]:
    """A predicate over texts, case-sensitive."""
    compiled = [(re.compile(regex, re.DOTALL), n) for regex, n in _pieces(pattern)]
    (first, _), (last, last_length) = compiled[0], compiled[-1]
    middle = [regex for regex, _ in compiled[1:-1]]

    def whole(text: str) -> bool:
        return first.fullmatch(text) is not None

    def matches(text: str) -> bool:
        found = first.match(text)
        for regex in middle:
            if found is None:
                return False
            found = regex.search(text, found.end())
        start = len(text) - last_length
        return found is not None and start >= found.end() and bool(last.match(text, start))

    return whole if len(compiled) == 1 else matches
