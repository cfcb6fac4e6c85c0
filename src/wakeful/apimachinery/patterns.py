"""Regular expressions that users write: in time linear to the text, and without what needs more.

Python's own engine takes more than a lifetime for ``^(a+)+$`` and a text of forty letters, and
the server would answer nobody meanwhile. Here is Rust's, which comes with pydantic; like Go's, with
which Kubernetes matches, it knows no look-around and no back-references.
"""

from __future__ import annotations

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

_REMEMBERED = 1024


class PatternError(ValueError):
    """A pattern that cannot be read; the message says why."""


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found anywhere in a text.

    Raises:
        PatternError: The pattern cannot be read.
    """
    return _compile(pattern).isinstance_python(text)


def matches_whole(pattern: str, text: str) -> bool:
    """Whether a pattern matches a text from its beginning to its end.

    Raises:
        PatternError: The pattern cannot be read.
    """
    check_pattern(pattern)
    return _compile(rf"^(?:{pattern})\z").isinstance_python(text)


def check_pattern(pattern: str) -> None:
    """Make sure that a pattern can be matched with.

    Raises:
        PatternError: It cannot be read.
    """
    _compile(pattern)


@lru_cache(maxsize=_REMEMBERED)
def _compile(pattern: str) -> SchemaValidator:
    schema = core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
    try:
        return SchemaValidator(schema)
    except (SchemaError, UnicodeError) as err:
        why = str(err).rpartition("error: ")[2].strip()
        raise PatternError(f"error parsing regexp: {why}: `{pattern}`") from err
