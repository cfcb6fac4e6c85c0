"""Which events a Trigger wants: its ``filter`` and ``filters`` compiled once, asked often.

Source: Knative's Trigger API and the filter dialects of the CloudEvents Subscriptions API. A miss
is never an error; a missing attribute fails the filter that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wakeful import cesql
from wakeful.apimachinery.errors import WakefulError
from wakeful.cesql import nodes
from wakeful.cloudevents.event import Event, canonical_string


class FilterError(WakefulError):
    """A filter nobody can evaluate; the API refuses it before it gets here."""


class Filter(Protocol):
    """Decides over one event; stateless and safe to share."""

    def matches(self, event: Event) -> bool:
        """Whether the event passes."""
        ...


@dataclass(frozen=True, slots=True)
class ExactKeys:
    """What an event must be exactly to have a chance; None is anything.

    A store that indexes events by type and source needs to deliver no others. Being within the
    sets does not mean that the event passes.
    """

    types: frozenset[str] | None = None
    sources: frozenset[str] | None = None

    def both(self, other: ExactKeys) -> ExactKeys:
        """The keys when this and the other filter must pass."""
        return ExactKeys(_meet(self.types, other.types), _meet(self.sources, other.sources))

    def either(self, other: ExactKeys) -> ExactKeys:
        """The keys when one of the two filters is enough."""
        return ExactKeys(_join(self.types, other.types), _join(self.sources, other.sources))


def _meet(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    if a is None or b is None:
        return b if a is None else a
    return a & b


def _join(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    return None if a is None or b is None else a | b


@dataclass(frozen=True, slots=True)
class Everything:
    """No filter: all events pass."""

    def matches(self, event: Event) -> bool:
        """Yes."""
        return True


@dataclass(frozen=True, slots=True)
class Attributes:
    """``filter.attributes``: equal values; an empty value only asks the attribute to be there."""

    wanted: tuple[tuple[str, str], ...]

    def matches(self, event: Event) -> bool:
        """Whether all attributes are as wanted."""
        for name, value in self.wanted:
            found = event.attribute(name)
            if found is None:
                return False
            text = canonical_string(found)
            if text != value if value else not text:
                return False
        return True


@dataclass(frozen=True, slots=True)
class Exact:
    """Every attribute named equals its value."""

    wanted: tuple[tuple[str, str], ...]

    def matches(self, event: Event) -> bool:
        """Whether all are equal."""
        return all(_text(event, name) == value for name, value in self.wanted)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Every attribute named starts with its value."""

    wanted: tuple[tuple[str, str], ...]

    def matches(self, event: Event) -> bool:
        """Whether all start so."""
        return all(
            (text := _text(event, name)) is not None and text.startswith(value)
            for name, value in self.wanted
        )


@dataclass(frozen=True, slots=True)
class Suffix:
    """Every attribute named ends with its value."""

    wanted: tuple[tuple[str, str], ...]

    def matches(self, event: Event) -> bool:
        """Whether all end so."""
        return all(
            (text := _text(event, name)) is not None and text.endswith(value)
            for name, value in self.wanted
        )


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every inner filter passes."""

    inner: tuple[Filter, ...]

    def matches(self, event: Event) -> bool:
        """Whether none fails."""
        return all(each.matches(event) for each in self.inner)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one inner filter passes."""

    inner: tuple[Filter, ...]

    def matches(self, event: Event) -> bool:
        """Whether one passes."""
        return any(each.matches(event) for each in self.inner)


@dataclass(frozen=True, slots=True)
class Not:
    """The inner filter does not pass."""

    inner: Filter

    def matches(self, event: Event) -> bool:
        """Whether the inner one fails."""
        return not self.inner.matches(event)


@dataclass(frozen=True, slots=True)
class Sql:
    """A CESQL expression; an error is a miss."""

    expression: nodes.Node

    def matches(self, event: Event) -> bool:
        """Whether the expression is true of the event, without any error."""
        return cesql.evaluate(self.expression, lambda name: _primitive(event, name)).passes


def _primitive(event: Event, name: str) -> cesql.Value | None:
    value = event.attribute(name)
    return value if value is None or isinstance(value, str | int) else canonical_string(value)


def _text(event: Event, name: str) -> str | None:
    found = event.attribute(name)
    return None if found is None else canonical_string(found)


# --- compiling ------------------------------------------------------------------------------------


def compile_filters(
    trigger_filter: Mapping[str, Any] | None = None,
    trigger_filters: Sequence[Mapping[str, Any]] | None = None,
) -> Filter:
    """Compile a Trigger's ``spec.filter`` and ``spec.filters``, both in their JSON form.

    A ``filters`` list with anything in it replaces ``filter``. ``filter`` may be of 2019, with
    ``sourceAndType``.

    Raises:
        FilterError: A dialect is unknown, doubled, or its operand is of the wrong kind.
    """
    if trigger_filters:
        return _all([_compile(each) for each in trigger_filters])
    attributes = dict((trigger_filter or {}).get("attributes") or {})
    legacy = (trigger_filter or {}).get("sourceAndType") or {}
    attributes |= {name: value for name, value in legacy.items() if value}
    if not attributes:
        return Everything()
    return Attributes(_pairs("attributes", attributes))


def _all(inner: list[Filter]) -> Filter:
    if not inner:
        return Everything()
    return inner[0] if len(inner) == 1 else AllOf(tuple(inner))


def _compile(wire: Mapping[str, Any]) -> Filter:
    """One filter of the list; one without any dialect lets everything pass."""
    dialects = {
        name: operand for name, operand in wire.items() if operand not in (None, "", {}, [])
    }
    if not dialects:
        return Everything()
    if len(dialects) > 1:
        raise FilterError("multiple dialects found, filters can have only one dialect set")
    ((name, operand),) = dialects.items()
    compiler = _COMPILERS.get(name)
    if compiler is None:
        raise FilterError(f'filter dialect "{name}" is unknown')
    return compiler(operand)


def _pairs(dialect: str, operand: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(operand, Mapping) or not all(isinstance(v, str) for v in operand.values()):
        raise FilterError(f"filter dialect {dialect} needs a map of strings")
    return tuple(operand.items())


def _inner(dialect: str, operand: Any) -> tuple[Filter, ...]:
    if isinstance(operand, str | Mapping) or not isinstance(operand, Sequence):
        raise FilterError(f"filter dialect {dialect} needs a list of filters")
    return tuple(_compile(each) for each in operand)


def _not(operand: Any) -> Filter:
    if not isinstance(operand, Mapping):
        raise FilterError("filter dialect not needs a filter")
    return Not(_compile(operand))


def _sql(operand: Any) -> Filter:
    if not isinstance(operand, str):
        raise FilterError("filter dialect cesql needs an expression")
    try:
        return Sql(cesql.parse(operand))
    except cesql.ParseError as error:
        raise FilterError(f"CESQL expression {operand!r}: {error}") from None


_COMPILERS: dict[str, Callable[[Any], Filter]] = {
    "exact": lambda operand: Exact(_pairs("exact", operand)),
    "prefix": lambda operand: Prefix(_pairs("prefix", operand)),
    "suffix": lambda operand: Suffix(_pairs("suffix", operand)),
    "all": lambda operand: AllOf(_inner("all", operand)),
    "any": lambda operand: AnyOf(_inner("any", operand)),
    "not": _not,
    "cesql": _sql,
    "sql": _sql,  # what the Subscriptions API calls the dialect
}


def exact_keys(compiled: Filter) -> ExactKeys:
    """The types and sources outside of which the filter certainly fails."""
    match compiled:
        case Exact(wanted) | Attributes(wanted):
            keys = ExactKeys()
            for name, value in wanted:
                if name == "type" and value:
                    keys = keys.both(ExactKeys(types=frozenset({value})))
                elif name == "source" and value:
                    keys = keys.both(ExactKeys(sources=frozenset({value})))
            return keys
        case AllOf(inner):
            keys = ExactKeys()
            for each in inner:
                keys = keys.both(exact_keys(each))
            return keys
        case Sql(expression):
            return _sql_keys(expression)
        case AnyOf(inner) if inner:
            keys = exact_keys(inner[0])
            for each in inner[1:]:
                keys = keys.either(exact_keys(each))
            return keys
        case _:
            return ExactKeys()


def _sql_keys(node: nodes.Node) -> ExactKeys:
    match node:
        case nodes.Equal(nodes.Identifier(name), nodes.Literal(str(value)), False) | nodes.Equal(
            nodes.Literal(str(value)), nodes.Identifier(name), False
        ):
            return _keys_of(name, frozenset({value}))
        case nodes.In(nodes.Identifier(name), elements, False):
            texts = frozenset(
                each.value
                for each in elements
                if isinstance(each, nodes.Literal) and isinstance(each.value, str)
            )
            return _keys_of(name, texts) if len(texts) == len(elements) else ExactKeys()
        case nodes.Chain(first, rest):
            keys = _sql_keys(first)
            for operator, operand in rest:
                match operator:
                    case nodes.Logic.AND:
                        keys = keys.both(_sql_keys(operand))
                    case nodes.Logic.OR:
                        keys = keys.either(_sql_keys(operand))
                    case nodes.Logic.XOR:
                        keys = ExactKeys()
            return keys
        case _:
            return ExactKeys()


def _keys_of(name: str, values: frozenset[str]) -> ExactKeys:
    match name:
        case "type":
            return ExactKeys(types=values)
        case "source":
            return ExactKeys(sources=values)
        case _:
            return ExactKeys()
