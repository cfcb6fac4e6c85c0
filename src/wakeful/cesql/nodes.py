"""The expression as a tree; every node evaluates itself and knows the type of its value.

Evaluation fails fast (section 4.1): the first error ends it, and the value is that of the node
that failed if it is the whole expression, else the zero value of the whole expression's type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from wakeful.cesql.errors import ErrorKind
from wakeful.cesql.functions import Function
from wakeful.cesql.like import compile_like
from wakeful.cesql.values import (
    MAX_INTEGER,
    MIN_INTEGER,
    Failed,
    Value,
    ValueType,
    cast,
    convert,
)

Lookup = Callable[[str], Value | None]
"""Gives the value of an attribute by name; None if the event has none."""


class Logic(StrEnum):
    """Operators over booleans."""

    AND = "AND"
    OR = "OR"
    XOR = "XOR"


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, true or false."""

    value: Value

    @property
    def type(self) -> ValueType:
        """The type of the value."""
        return type(self.value)

    def evaluate(self, lookup: Lookup) -> Value:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Identifier:
    """An attribute of the event."""

    name: str
    type: ValueType = bool
    """Unknown before the event is; the specification then assumes a boolean."""

    def evaluate(self, lookup: Lookup) -> Value:
        """The attribute's value, of the type it has there."""
        value = lookup(self.name)
        if value is None:
            raise Failed(
                ErrorKind.MISSING_ATTRIBUTE, f'the event has no attribute "{self.name}"', False
            )
        return value


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT x``."""

    operand: Node
    type: ValueType = bool

    def evaluate(self, lookup: Lookup) -> Value:
        """The other boolean."""
        return not cast(self.operand.evaluate(lookup), bool)


@dataclass(frozen=True, slots=True)
class Negate:
    """``-x``."""

    operand: Node
    type: ValueType = int

    def evaluate(self, lookup: Lookup) -> Value:
        """The number with the other sign."""
        return _in_range("-", -cast(self.operand.evaluate(lookup), int))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``x + y`` and its kin."""

    operator: str
    left: Node
    right: Node
    type: ValueType = int

    def evaluate(self, lookup: Lookup) -> Value:
        """The result, truncated towards zero."""
        x = self.left.evaluate(lookup)
        y = self.right.evaluate(lookup)
        return _in_range(self.operator, _calculate(self.operator, cast(x, int), cast(y, int)))


def _calculate(operator: str, x: int, y: int) -> int:
    match operator:
        case "+":
            return x + y
        case "-":
            return x - y
        case "*":
            return x * y
    if y == 0:
        raise Failed(ErrorKind.MATH, f"{x} {operator} 0", 0)
    quotient = abs(x) // abs(y)
    if (x < 0) != (y < 0):
        quotient = -quotient
    return quotient if operator == "/" else x - y * quotient


def _in_range(operator: str, number: int) -> int:
    if MIN_INTEGER <= number <= MAX_INTEGER:
        return number
    raise Failed(ErrorKind.MATH, f"the result of {operator} is no 32 bit integer", 0)


@dataclass(frozen=True, slots=True)
class Equal:
    """``x = y``; with ``negated`` it is ``!=``. The right operand's type decides."""

    left: Node
    right: Node
    negated: bool = False
    type: ValueType = bool

    def evaluate(self, lookup: Lookup) -> Value:
        """Whether the values are equal once they are of one type."""
        x = self.left.evaluate(lookup)
        y = self.right.evaluate(lookup)
        return (convert(x, type(y)) == y) != self.negated


@dataclass(frozen=True, slots=True)
class Compare:
    """``x < y`` and its kin, over integers."""

    operator: str
    left: Node
    right: Node
    type: ValueType = bool

    def evaluate(self, lookup: Lookup) -> Value:
        """Whether the numbers are in that order."""
        first = self.left.evaluate(lookup)
        second = self.right.evaluate(lookup)
        x, y = cast(first, int), cast(second, int)
        match self.operator:
            case "<":
                return x < y
            case "<=":
                return x <= y
            case ">":
                return x > y
            case _:
                return x >= y


@dataclass(frozen=True, slots=True)
class Chain:
    """``x AND y OR z``: of one rank, so from left to right.

    A list and not a tree, so that a filter over a thousand values needs no deep recursion.
    """

    first: Node
    rest: tuple[tuple[Logic, Node], ...]
    type: ValueType = bool

    def evaluate(self, lookup: Lookup) -> Value:
        """The truth, looking no further than AND and OR have to."""
        result = cast(self.first.evaluate(lookup), bool)
        for operator, node in self.rest:
            if operator is Logic.AND and not result:
                continue
            if operator is Logic.OR and result:
                continue
            operand = cast(node.evaluate(lookup), bool)
            result = result != operand if operator is Logic.XOR else operand
        return result


@dataclass(frozen=True, slots=True)
class Like:
    """``x LIKE 'pattern'``."""

    operand: Node
    pattern: str
    negated: bool = False
    type: ValueType = bool
    _matches: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_matches", compile_like(self.pattern))

    def evaluate(self, lookup: Lookup) -> Value:
        """Whether the text fits the pattern."""
        return self._matches(cast(self.operand.evaluate(lookup), str)) != self.negated


@dataclass(frozen=True, slots=True)
class Exists:
    """``EXISTS x``."""

    name: str
    type: ValueType = bool

    def evaluate(self, lookup: Lookup) -> Value:
        """Whether the event has the attribute."""
        return lookup(self.name) is not None


@dataclass(frozen=True, slots=True)
class In:
    """``x IN (a, b)``; the left operand's type decides."""

    operand: Node
    elements: tuple[Node, ...]
    negated: bool = False
    type: ValueType = bool

    def evaluate(self, lookup: Lookup) -> Value:
        """Whether the set has the value."""
        value = self.operand.evaluate(lookup)
        found = any(
            convert(element.evaluate(lookup), type(value)) == value for element in self.elements
        )
        return found != self.negated


@dataclass(frozen=True, slots=True)
class Call:
    """``NAME(x, y)``."""

    name: str
    function: Function | None
    arguments: tuple[Node, ...]

    @property
    def type(self) -> ValueType:
        """What the function returns."""
        return self.function.result if self.function else bool

    def evaluate(self, lookup: Lookup) -> Value:
        """The function's result for the arguments, cast to what it takes."""
        if self.function is None:
            raise Failed(
                ErrorKind.MISSING_FUNCTION,
                f"there is no function {self.name} of {len(self.arguments)} arguments",
                False,
            )
        arguments = self._arguments(self.function, lookup)
        try:
            return self.function.run(*arguments)
        except Failed as failed:
            failed.node = self
            raise

    def _arguments(self, function: Function, lookup: Lookup) -> list[Value]:
        values: list[Value] = []
        for index, node in enumerate(self.arguments):
            value = node.evaluate(lookup)
            target = function.parameter(index)
            values.append(value if target is None else convert(value, target))
        return values


Node = (
    Literal
    | Identifier
    | Not
    | Negate
    | Arithmetic
    | Equal
    | Compare
    | Chain
    | Like
    | Exists
    | In
    | Call
)
