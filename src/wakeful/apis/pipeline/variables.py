"""Checks of the variables in a text against what was declared.

The patterns are upstream's (``pkg/substitution``), so that what is refused is refused alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache

from wakeful.apimachinery.fields import FieldError, FieldErrors
from wakeful.apis.pipeline.admission import quote

_INDEX = re.compile(r"\[[0-9]*\*?\]")
_ANY, _WHOLE = r".*?(?:\[\*\])?", r"[_a-zA-Z0-9.-]+\[\*\]"


@cache
def _pattern(prefix: str, name: str) -> re.Pattern[str]:
    """``prefix`` is a regular expression."""
    return re.compile(
        rf"\$\({prefix}(?:\.(?P<plain>{name})|\[\"(?P<double>{name})\"\]|\['(?P<single>{name})'\])\)"
    )


def _dotted(text: str, prefix: str) -> tuple[list[str], str]:
    """Names of variables, up to the first dot of those without brackets; and what is wrong."""
    names: list[str] = []
    for match in _pattern(prefix, _ANY).finditer(text):
        plain = match["plain"] or ""
        if "." in plain:
            if plain.count(".") > 1:
                return names, (
                    f'Invalid referencing of parameters in "{text}"! Only two dot-separated'
                    f' components after the prefix "{prefix}" are allowed.'
                )
            names.append(plain.partition(".")[0])
        else:
            names.append(plain or match["double"] or match["single"] or "")
    return names, ""


def has_variables(text: str, prefix: str) -> bool:
    """Whether a text has a variable of that kind."""
    return "$(" in text and _pattern(prefix, _ANY).search(text) is not None


def is_whole(text: str, prefix: str) -> bool:
    """Whether a text is one variable for a whole list or object, ``$(params.x[*])``."""
    return _pattern(prefix, _WHOLE).fullmatch(text) is not None


def unknown(text: str, prefix: str, known: Collection[str], path: str = "") -> FieldErrors:
    """Every variable must be among ``known``."""
    if "$(" not in text:
        return []
    names, fault = _dotted(text, prefix)
    if fault:
        return [FieldError(fault, (path,))]
    if any(_INDEX.sub("", name) not in known for name in names):
        return [FieldError(f"non-existent variable in {quote(text)}", (path,))]
    return []


def prohibited(text: str, prefix: str, lists: Collection[str], path: str = "") -> FieldErrors:
    """No variable may be one of ``lists``: a text has no room for a list."""
    if "$(" not in text:
        return []
    names, fault = _dotted(text, prefix)
    if fault:
        return [FieldError(fault, (path,))]
    if any(name.removesuffix("[*]") in lists for name in names):
        return [FieldError(f"variable type invalid in {quote(text)}", (path,))]
    return []


def entirely_prohibited(
    text: str, prefix: str, objects: Collection[str], path: str = ""
) -> FieldErrors:
    """No variable may be one of ``objects`` as a whole; their keys may."""
    if "$(" not in text:
        return []
    for match in _pattern(prefix, _ANY).finditer(text):
        name = match["plain"] or match["double"] or match["single"] or ""
        if name.removesuffix("[*]") in objects:
            return [FieldError(f"variable type invalid in {quote(text)}", (path,))]
    return []


def not_isolated(text: str, prefix: str, lists: Collection[str], path: str = "") -> FieldErrors:
    """A variable that is one of ``lists`` must be all there is."""
    if "$(" not in text:
        return []
    names, fault = _dotted(text, prefix)
    if fault:
        return [FieldError(fault, (path,))]
    first = _pattern(prefix, _ANY).search(text)
    for name in names:
        if name.removesuffix("[*]") in lists and first is not None and first[0] != text:
            return [FieldError(f"variable is not properly isolated in {quote(text)}", (path,))]
    return []


def each(texts: Iterable[tuple[str, str]], check: object, *args: object) -> FieldErrors:
    """Run one check over many texts with their paths."""
    assert callable(check)
    found: FieldErrors = []
    for text, path in texts:
        if "$(" in text:
            found += check(text, *args, path)
    return found
