"""The three types, and what becomes of a value of one where another is needed (section 3.7)."""

from __future__ import annotations

import re
from typing import TypeVar

from wakeful.cesql.errors import ErrorKind, EvaluationError

Value = str | int | bool
ValueType = type[str] | type[int] | type[bool]

MIN_INTEGER, MAX_INTEGER = -(2**31), 2**31 - 1

_INTEGER = re.compile(r"[+-]?[0-9]+")
_T = TypeVar("_T", str, int, bool)


class Failed(Exception):  # noqa: N818 - carries an error, never leaves this package
    """Ends an evaluation: the error, and the value of the node that found it.

    ``node`` is the call whose function failed, on arguments that were all right.
    """

    def __init__(self, kind: ErrorKind, message: str, value: Value) -> None:
        super().__init__(message)
        self.error = EvaluationError(kind, message)
        self.value = value
        self.node: object = None


def zero(kind: ValueType) -> Value:
    """``""``, ``0`` or ``false``."""
    return kind()


def cast(value: Value, to: type[_T]) -> _T:
    """Turn a value into another type.

    Raises:
        Failed: The text is no such value; the zero value comes with it.
    """
    return to(convert(value, to))


def convert(value: Value, to: ValueType) -> Value:
    """As :func:`cast`, into a type that is only known when it happens."""
    if type(value) is to:
        return value
    try:
        return _cast(value, to)
    except ValueError:
        name = "integer" if to is int else "boolean"
        raise Failed(ErrorKind.CAST, f'"{value}" is no {name}', zero(to)) from None


def _cast(value: Value, to: ValueType) -> Value:
    if to is str:
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        return to(value)
    if to is int:
        if not _INTEGER.fullmatch(value) or len(value) > 64:
            raise ValueError
        number = int(value)
        if not MIN_INTEGER <= number <= MAX_INTEGER:
            raise ValueError
        return number
    match value.lower():
        case "true":
            return True
        case "false":
            return False
    raise ValueError
