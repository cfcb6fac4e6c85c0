"""A structural schema, compiled: a tree of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from wakeful.apimachinery.patterns import PatternError, check_pattern

UNSET: Any = object()


@dataclass(frozen=True)
class Node:
    """One level of a schema."""

    type: str = ""
    properties: Mapping[str, Node] = field(default_factory=dict)
    items: Node | None = None
    values: Node | None = None
    """Schema of members that are not named; None: unknown ones are dropped."""
    default: Any = UNSET
    nullable: bool = False
    preserve_unknown: bool = False
    int_or_string: bool = False
    embedded: bool = False
    enum: Sequence[Any] | None = None
    required: Sequence[str] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)
    """Simple constraints by their name in OpenAPI."""
    all_of: Sequence[Node] = ()
    any_of: Sequence[Node] = ()
    one_of: Sequence[Node] = ()
    not_: Node | None = None
    list_type: str = "atomic"
    list_map_keys: Sequence[str] = ()

    @cached_property
    def pattern(self) -> str | None:
        """What texts must match; None when there is nothing, or nothing that can be read."""
        text = self.checks.get("pattern")
        if not isinstance(text, str):
            return None
        try:
            check_pattern(text)
        except PatternError:
            return None
        return text


_CHECKS = (
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
EVERYTHING = Node(preserve_unknown=True)


def parse_schema(schema: Any) -> Node:
    """Compile a schema that may be anything; what is no schema allows everything."""
    if not isinstance(schema, Mapping):
        return EVERYTHING
    properties = schema.get("properties")
    extra = schema.get("additionalProperties")
    negated = schema.get("not")
    return Node(
        type=schema["type"] if isinstance(schema.get("type"), str) else "",
        properties={
            name: parse_schema(member)
            for name, member in (properties.items() if isinstance(properties, Mapping) else ())
        },
        items=parse_schema(schema["items"]) if isinstance(schema.get("items"), Mapping) else None,
        values=parse_schema(extra)
        if isinstance(extra, Mapping)
        else EVERYTHING
        if extra is True
        else None,
        default=schema.get("default", UNSET),
        nullable=schema.get("nullable") is True,
        preserve_unknown=schema.get("x-kubernetes-preserve-unknown-fields") is True,
        int_or_string=schema.get("x-kubernetes-int-or-string") is True,
        embedded=schema.get("x-kubernetes-embedded-resource") is True,
        enum=schema["enum"] if isinstance(schema.get("enum"), list) else None,
        required=[r for r in _list(schema, "required") if isinstance(r, str)],
        checks={name: schema[name] for name in _CHECKS if schema.get(name) is not None},
        all_of=[parse_schema(s) for s in _list(schema, "allOf")],
        any_of=[parse_schema(s) for s in _list(schema, "anyOf")],
        one_of=[parse_schema(s) for s in _list(schema, "oneOf")],
        not_=parse_schema(negated) if isinstance(negated, Mapping) else None,
        list_type=str(schema.get("x-kubernetes-list-type") or "atomic"),
        list_map_keys=[
            k for k in _list(schema, "x-kubernetes-list-map-keys") if isinstance(k, str)
        ],
    )


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []


def join_path(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if path else name
