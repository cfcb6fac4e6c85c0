"""The JavaScript expressions that the samples take: arithmetic, comparisons, an event's members.

Enough for what documentation writes (``Math.round(Date.parse(event.time) / 60000) % 2``), and
nothing that could do harm: there are no assignments, no functions but those listed here.
"""

from __future__ import annotations

import datetime
import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_TOKENS = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      |(?P<name>[A-Za-z_$][\w$]*)
      |(?P<sign>===|!==|==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}]))""",
    re.VERBOSE,
)
_BINARY = [
    ("||",),
    ("&&",),
    ("===", "!==", "==", "!="),
    ("<", ">", "<=", ">="),
    ("+", "-"),
    ("*", "/", "%"),
]
_MAX_DEPTH = 50
_DATE = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")


class ExpressionError(ValueError):
    """The text is not an expression of this subset, or cannot be evaluated."""


def _parse_date(text: object) -> float:
    """Milliseconds since 1970; written for Pythons older than ours, too."""
    found = _DATE.fullmatch(str(text))
    if not found:
        return math.nan
    offset = "+00:00" if (found[3] or "Z") in "Zz" else found[3]
    try:
        moment = datetime.datetime.fromisoformat(found[1].upper() + offset)
    except ValueError:
        return math.nan
    return moment.timestamp() * 1000 + math.floor(float(found[2] or "0") * 1000)


def _round(number: float) -> float:
    return math.floor(number + 0.5)


_OBJECTS: dict[str, dict[str, Any]] = {
    "Math": {
        "round": _round,
        "floor": math.floor,
        "ceil": math.ceil,
        "abs": abs,
        "trunc": math.trunc,
        "min": min,
        "max": max,
    },
    "Date": {"parse": _parse_date},
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "Number": lambda value: _number(value),
    "parseInt": lambda value: int(_number(value)),
    "parseFloat": lambda value: _number(value),
    "String": lambda value: _text(value),
    "Boolean": lambda value: bool(value),
}
_METHODS: dict[str, Callable[..., Any]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "includes": str.__contains__,
    "indexOf": str.find,
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
}
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}


def _number(value: Any) -> float:
    try:
        return float(value) if not isinstance(value, int) else value
    except (TypeError, ValueError):
        return math.nan


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "null" if value is None else str(value)


def _add(x: Any, y: Any) -> Any:
    return _text(x) + _text(y) if isinstance(x, str) or isinstance(y, str) else x + y


def _divide(x: Any, y: Any) -> Any:
    if not y:
        return math.nan if not x else math.copysign(math.inf, x)
    return x / y


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": lambda x, y: _number(x) - _number(y),
    "*": lambda x, y: _number(x) * _number(y),
    "/": lambda x, y: _divide(_number(x), _number(y)),
    "%": lambda x, y: math.fmod(_number(x), _number(y)) if y else math.nan,
    "===": lambda x, y: x == y,
    "==": lambda x, y: x == y or _text(x) == _text(y),
    "!==": lambda x, y: x != y,
    "!=": lambda x, y: not (x == y or _text(x) == _text(y)),
    "<": lambda x, y: x < y,
    ">": lambda x, y: x > y,
    "<=": lambda x, y: x <= y,
    ">=": lambda x, y: x >= y,
}


class Expression:
    """A parsed expression; ``evaluate`` takes the variables it may name."""

    def __init__(self, source: str) -> None:
        self._tokens = _split(source)
        self._next, self._depth = 0, 0
        self._root = self._ternary()
        if self._peek():
            raise ExpressionError(f'"{self._peek()}" is not expected in {source!r}')

    def evaluate(self, variables: dict[str, Any]) -> Any:
        """The value.

        Raises:
            ExpressionError: An operand is of the wrong kind.
        """
        try:
            return self._root(variables)
        except (TypeError, AttributeError, KeyError, ValueError, OverflowError) as error:
            raise ExpressionError(f"cannot be evaluated: {error}") from None

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _accept(self, *tokens: str) -> str:
        return self._take() if self._peek() and self._peek() in tokens else ""

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise ExpressionError(f'"{token}" is expected instead of "{self._peek() or "the end"}"')

    def _ternary(self) -> Callable[[dict[str, Any]], Any]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ExpressionError("nested too deeply")
        condition = self._binary(0)
        if self._accept("?"):
            first = self._ternary()
            self._expect(":")
            second = self._ternary()
            self._depth -= 1
            return lambda v: first(v) if condition(v) else second(v)
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Callable[[dict[str, Any]], Any]:
        if level == len(_BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while operator := self._accept(*_BINARY[level]):
            left = _combine(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Callable[[dict[str, Any]], Any]:
        operator = self._accept("-", "!", "+")
        if not operator:
            return self._member()
        operand = self._unary()
        if operator == "!":
            return lambda v: not operand(v)
        sign = -1 if operator == "-" else 1
        return lambda v: sign * _number(operand(v))

    def _member(self) -> Callable[[dict[str, Any]], Any]:
        node = self._primary()
        while opened := self._accept(".", "[", "("):
            if opened == "(":
                node = _call(node, self._list(")"))
            elif opened == ".":
                name = self._take()
                node = _get(node, lambda _, name=name: name)
            else:
                key = self._ternary()
                self._expect("]")
                node = _get(node, key)
        return node

    def _list(self, end: str) -> list[Callable[[dict[str, Any]], Any]]:
        items: list[Callable[[dict[str, Any]], Any]] = []
        while not self._accept(end):
            items.append(self._ternary())
            if not self._accept(","):
                self._expect(end)
                break
        return items

    def _primary(self) -> Callable[[dict[str, Any]], Any]:
        word = self._take()
        if word == "(":
            inner = self._ternary()
            self._expect(")")
            return inner
        if word == "[":
            items = self._list("]")
            return lambda v: [item(v) for item in items]
        if word == "{":
            return self._object()
        if word[:1] in ("'", '"'):
            text = re.sub(r"\\(.)", r"\1", word[1:-1])
            return lambda _: text
        if word[:1].isdigit():
            number = float(word) if not word.isdigit() else int(word)
            return lambda _: number
        if re.match(r"[A-Za-z_$]", word):
            return _name(word)
        raise ExpressionError(f'"{word or "the end"}" is not expected')

    def _object(self) -> Callable[[dict[str, Any]], Any]:
        members: list[tuple[str, Callable[[dict[str, Any]], Any]]] = []
        while not self._accept("}"):
            key = self._take().strip("'\"")
            self._expect(":")
            members.append((key, self._ternary()))
            if not self._accept(","):
                self._expect("}")
                break
        return lambda v: {key: value(v) for key, value in members}


def _split(source: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while at < len(source.rstrip()):
        found = _TOKENS.match(source, at)
        if not found:
            raise ExpressionError(f"{source[at : at + 10]!r} is not understood")
        tokens.append(found.group().strip())
        at = found.end()
    return tokens


def _combine(operator: str, x: Any, y: Any) -> Callable[[dict[str, Any]], Any]:
    if operator == "&&":
        return lambda v: x(v) and y(v)
    if operator == "||":
        return lambda v: x(v) or y(v)
    operation = _OPERATIONS[operator]
    return lambda v: operation(x(v), y(v))


def _name(name: str) -> Callable[[dict[str, Any]], Any]:
    def look_up(variables: dict[str, Any]) -> Any:
        for scope in (variables, _CONSTANTS, _OBJECTS, _FUNCTIONS):
            if name in scope:
                return scope[name]
        raise KeyError(f"{name} is not defined")

    return look_up


def _get(node: Any, key: Any) -> Callable[[dict[str, Any]], Any]:
    def member(variables: dict[str, Any]) -> Any:
        value, name = node(variables), key(variables)
        if isinstance(value, dict):
            return value.get(name)
        if isinstance(value, (str, list)) and name == "length":
            return len(value)
        if isinstance(value, str) and name in _METHODS:
            return lambda *arguments: _METHODS[name](value, *arguments)
        if isinstance(value, list) and isinstance(name, (int, float)):
            return value[int(name)] if 0 <= name < len(value) else None
        raise TypeError(f"there is no member {name}")

    return member


def _call(node: Any, arguments: list[Any]) -> Callable[[dict[str, Any]], Any]:
    def call(variables: dict[str, Any]) -> Any:
        function = node(variables)
        if not callable(function):
            raise TypeError("what is called is no function")
        return function(*(argument(variables) for argument in arguments))

    return call
