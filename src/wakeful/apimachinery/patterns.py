"""Regular expressions that users write: in time linear to the text, with Go's syntax and meaning.

Python's own engine takes more than a lifetime for ``^(a+)+$`` and a text of forty letters, and
the server would answer nobody meanwhile. Here is RE2, whose syntax is that of Go, with which
Kubernetes, Tekton and Docker match: it knows no look-around and no back-references.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

_REMEMBERED = 1024
_REPLACEMENT = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
"""What stands for something else in a replacement; any other ``$`` is itself."""
_NO_CHARACTERS = re.compile(r"[\ud800-\udfff]")
_ESCAPES = re.compile(r"\\(?:Q.*?(?:\\E|\Z)|.)", re.DOTALL)
_GO_WORDS: Final = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}
"""What RE2 finds wrong, as Go says it."""


class PatternError(ValueError):
    """A pattern that cannot be read; the message says why, as Go's ``regexp`` does."""


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found anywhere in a text.

    Raises:
        PatternError: The pattern cannot be read.
    """
    return _compile(pattern).search(_utf8(text)) is not None


def matches_whole(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text from its beginning to its end.

    Raises:
        PatternError: The pattern cannot be read.
    """
    return _compile(pattern).fullmatch(_utf8(text)) is not None


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """Put a replacement where a pattern matches, as Go's ``ReplaceAllString``.

    ``$1``, ``${1}``, ``$name`` and ``${name}`` stand for what a group matched, nothing for a group
    that is not there, and ``$$`` for ``$``. An empty match right after another one is none.

    Raises:
        PatternError: The pattern cannot be read.
    """
    whole = _utf8(text)
    out: list[bytes] = []
    end = 0
    for match in _compile(pattern).finditer(whole):
        start = match.start()
        if match.end() == start and (_is_inside(whole, start) or 0 < start <= end):
            continue
        out += (whole[end:start], _expand(replacement, match))
        end = match.end()
    return b"".join((*out, whole[end:])).decode()


def check_pattern(pattern: str) -> None:
    """Make sure that a pattern can be matched with.

    Raises:
        PatternError: It cannot be read.
    """
    _compile(pattern)


def _is_inside(text: bytes, position: int) -> bool:
    """Whether a position is in the middle of a character."""
    return text[position : position + 1] > b"\x7f" and text[position] & 0xC0 == 0x80


def _expand(replacement: str, match: Any) -> bytes:
    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if not name:
            return "$"
        is_number = name.isascii() and name.isdigit() and (name == "0" or name[0] != "0")
        try:
            found = match[int(name) if is_number else name.encode()]
        except IndexError:
            return ""
        return found.decode() if found else ""

    return _utf8(_REPLACEMENT.sub(group, replacement))


def _utf8(text: str) -> bytes:
    """Half a surrogate pair is no character: Go reads another one in its place."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _NO_CHARACTERS.sub("\ufffd", text).encode()


@lru_cache(maxsize=_REMEMBERED)
def _compile(pattern: str) -> Any:
    import re2  # three megabytes that most of our processes never need

    if r"\C" in _ESCAPES.findall(pattern):  # RE2's own: one byte, which may be half a character
        raise PatternError(r"error parsing regexp: invalid escape sequence: `\C`")
    try:
        encoded = pattern.encode()
    except UnicodeEncodeError as err:
        raise PatternError(f"error parsing regexp: invalid UTF-8: {pattern!a}") from err
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(encoded, options)
    except re2.error as err:
        raise PatternError(_explain(err, pattern)) from err


def _explain(err: Exception, pattern: str) -> str:
    """RE2's ``code: part`` in Go's words."""
    text = err.args[0].decode(errors="replace")
    code, _, part = text.partition(": ")
    return f"error parsing regexp: {_GO_WORDS.get(code, code)}: `{part or pattern}`"
