"""Label and field selectors: text, objects and matching."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import APIModel

Operator = Literal["=", "!=", "in", "notin", "exists", "!"]

_NAME = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_FIELD_TERM = re.compile(r"([^=!\s]+)\s*(==|=|!=)\s*(.*)")
_VALUE = re.compile(rf"{_NAME}?")
_SET = re.compile(r"^\s*([^\s,()!=]+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([^\s,()!=]+)\s*(==|=|!=)\s*([^\s,()!=]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s,()!=]+)\s*$")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One term of a selector."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether ``labels`` satisfy this term; ``!=`` and ``notin`` accept a missing key."""
        present = self.key in labels
        match self.operator:
            case "=" | "in":
                return present and labels[self.key] in self.values
            case "!=" | "notin":
                return not present or labels[self.key] not in self.values
            case "exists":
                return present
            case "!":
                return not present

    def __str__(self) -> str:
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "=" | "!=":
                return f"{self.key}{self.operator}{next(iter(self.values), '')}"
            case _:
                return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of requirements; empty matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every requirement holds."""
        return all(r.matches(labels) for r in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def __str__(self) -> str:
        return ",".join(str(r) for r in self.requirements)


EVERYTHING = Selector()


def equals(**labels: str) -> Selector:
    """Build an equality selector from plain keyword labels."""
    return from_labels(labels)


def from_labels(labels: Mapping[str, str]) -> Selector:
    """Build an equality selector."""
    return Selector(tuple(Requirement(k, "=", frozenset({v})) for k, v in labels.items()))


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    terms, depth, start = [], 0, 0
    for i, char in enumerate(text):
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and depth == 0:
            terms.append(text[start:i])
            start = i + 1
    terms.append(text[start:])
    return terms


def parse_selector(text: str) -> Selector:
    """Read a label selector: ``a=b,c!=d,e in (f,g),!h``.

    Raises:
        BadRequestError: The text is not a selector.
    """
    if not text.strip():
        return EVERYTHING
    return Selector(tuple(_parse_term(term, text) for term in _split(text)))


def _parse_term(term: str, whole: str) -> Requirement:
    if found := _SET.match(term):
        key, operator, inner = found.groups()
        values = frozenset(v.strip() for v in inner.split(","))
        requirement = Requirement(key, "in" if operator == "in" else "notin", values)
    elif found := _EQUAL.match(term):
        key, operator, value = found.groups()
        requirement = Requirement(key, "!=" if operator == "!=" else "=", frozenset({value}))
    elif found := _EXISTS.match(term):
        requirement = Requirement(found.group(2), "!" if found.group(1) else "exists")
    else:
        raise BadRequestError(f"unable to parse requirement: {term.strip()!r} in {whole!r}")
    if not _KEY.fullmatch(requirement.key):
        raise BadRequestError(f"unable to parse requirement: invalid label key {requirement.key!r}")
    for value in requirement.values:
        if len(value) > 63 or not _VALUE.fullmatch(value):
            raise BadRequestError(f"unable to parse requirement: invalid label value {value!r}")
    return requirement


def parse_field_selector(text: str) -> tuple[Requirement, ...]:
    """Read a field selector: ``metadata.name=x,status.phase!=Running``; no sets.

    Raises:
        BadRequestError: A term is not ``key=value``, ``key==value`` or ``key!=value``.
    """
    terms: list[Requirement] = []
    for term in text.split(",") if text.strip() else ():
        found = _FIELD_TERM.fullmatch(term.strip())
        if not found:
            raise BadRequestError(f"invalid selector: {text!r}; can't understand {term!r}")
        key, operator, value = found.groups()
        terms.append(Requirement(key, "!=" if operator == "!=" else "=", frozenset({value})))
    return tuple(terms)


class LabelSelectorRequirement(APIModel):
    """One expression of a :class:`LabelSelector`."""

    key: str = ""
    operator: str = ""
    values: list[str] = Field(default_factory=list)


class LabelSelector(APIModel):
    """``meta/v1 LabelSelector``; an empty one selects everything."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: list[LabelSelectorRequirement] = Field(default_factory=list)

    def to_selector(self) -> Selector:
        """Compile for matching.

        Raises:
            BadRequestError: An operator is none of In, NotIn, Exists, DoesNotExist.
        """
        operators: dict[str, Operator] = {
            "In": "in",
            "NotIn": "notin",
            "Exists": "exists",
            "DoesNotExist": "!",
        }
        terms = [Requirement(k, "=", frozenset({v})) for k, v in self.match_labels.items()]
        for expression in self.match_expressions:
            operator = operators.get(expression.operator)
            if operator is None:
                raise BadRequestError(
                    f"{expression.operator!r} is not a valid label selector operator"
                )
            terms.append(Requirement(expression.key, operator, frozenset(expression.values)))
        return Selector(tuple(terms))
