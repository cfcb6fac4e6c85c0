"""The functions every engine offers (section 3.5), found by name and number of arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wakeful.cesql.errors import ErrorKind
from wakeful.cesql.values import MAX_INTEGER, MIN_INTEGER, Failed, Value, ValueType

# Unicode's White_Space; str.strip() would take control characters too.
_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B)
)


@dataclass(frozen=True, slots=True)
class Function:
    """One definition: parameter types, result type, and what it does with cast arguments.

    ``rest`` is the type of further arguments of a variadic function. ``run`` may raise
    :class:`~wakeful.cesql.values.Failed`. An argument type of None is any type, uncast.
    """

    parameters: tuple[ValueType | None, ...]
    result: ValueType
    run: Callable[..., Value]
    rest: ValueType | None = None

    def accepts(self, count: int) -> bool:
        """Whether it can be called with so many arguments."""
        fixed = len(self.parameters)
        return count == fixed or (self.rest is not None and count > fixed)

    def parameter(self, index: int) -> ValueType | None:
        """The type argument number ``index`` is cast to."""
        return self.parameters[index] if index < len(self.parameters) else self.rest


Functions = Mapping[str, Sequence[Function]]


def _bad(message: str, value: Value) -> Failed:
    return Failed(ErrorKind.FUNCTION_EVALUATION, message, value)


def _absolute(x: int) -> int:
    if x == MIN_INTEGER:
        raise Failed(ErrorKind.MATH, f"ABS of {x} is no 32 bit integer", MAX_INTEGER)
    return abs(x)


def _left(text: str, count: int) -> str:
    if count < 0:
        raise _bad(f"LEFT of {count} characters", text)
    return text[:count]


def _right(text: str, count: int) -> str:
    if count < 0:
        raise _bad(f"RIGHT of {count} characters", text)
    return text[-count:] if count else ""


def _substring(text: str, position: int, length: int | None = None) -> str:
    if position == 0:
        return ""
    if abs(position) > len(text):
        raise _bad(f"SUBSTRING from {position} of {len(text)} characters", "")
    if length is not None and length < 0:
        raise _bad(f"SUBSTRING of {length} characters", "")
    start = position - 1 if position > 0 else len(text) + position
    return text[start:] if length is None else text[start : start + length]


def _concat_ws(delimiter: str, *texts: str) -> str:
    return delimiter.join(texts)


def _same(value: Any) -> Any:
    return value


BUILTIN: Functions = {
    "ABS": [Function((int,), int, _absolute)],
    "BOOL": [Function((bool,), bool, _same)],
    "CONCAT": [Function((), str, lambda *texts: "".join(texts), rest=str)],
    "CONCAT_WS": [Function((str,), str, _concat_ws, rest=str)],
    "INT": [Function((int,), int, _same)],
    "LEFT": [Function((str, int), str, _left)],
    "LENGTH": [Function((str,), int, len)],
    "LOWER": [Function((str,), str, str.lower)],
    "RIGHT": [Function((str, int), str, _right)],
    "STRING": [Function((str,), str, _same)],
    "SUBSTRING": [
        Function((str, int), str, _substring),
        Function((str, int, int), str, _substring),
    ],
    "TRIM": [Function((str,), str, lambda text: text.strip(_BLANKS))],
    "UPPER": [Function((str,), str, str.upper)],
}


def find_function(functions: Functions, name: str, count: int) -> Function | None:
    """The definition a call means; names are case-insensitive."""
    return next((f for f in functions.get(name.upper(), ()) if f.accepts(count)), None)
