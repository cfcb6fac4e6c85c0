"""Structural schemas: what a user's CustomResourceDefinition says about its objects.

A :class:`StructuralSchema` is compiled once from ``openAPIV3Schema``; it fills in defaults, drops
unknown fields and validates, with the messages of upstream. Nonsense in a schema is ignored here:
the definition's own validation refuses it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from wakeful.apimachinery.decoding import json_type
from wakeful.apimachinery.fields import (
    ErrorType,
    FieldError,
    FieldErrors,
    duplicate,
    invalid,
    not_supported,
    required,
)
from wakeful.apimachinery.formats import has_format
from wakeful.apimachinery.meta import ObjectMeta, deep_copy_json
from wakeful.apimachinery.patterns import PatternError, check_pattern, matches
from wakeful.apimachinery.pruning import prune as prune_by_model

_UNSET: Any = object()
_ROOT = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True)
class Node:
    """One level of a schema."""

    type: str = ""
    properties: Mapping[str, Node] = field(default_factory=dict)
    items: Node | None = None
    values: Node | None = None
    """Schema of members that are not named; None: unknown ones are dropped."""
    default: Any = _UNSET
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
_EVERYTHING = Node(preserve_unknown=True)


def _parse(schema: Any) -> Node:
    if not isinstance(schema, Mapping):
        return _EVERYTHING
    properties = schema.get("properties")
    extra = schema.get("additionalProperties")
    negated = schema.get("not")
    return Node(
        type=schema["type"] if isinstance(schema.get("type"), str) else "",
        properties={
            name: _parse(member)
            for name, member in (properties.items() if isinstance(properties, Mapping) else ())
        },
        items=_parse(schema["items"]) if isinstance(schema.get("items"), Mapping) else None,
        values=_parse(extra)
        if isinstance(extra, Mapping)
        else _EVERYTHING
        if extra is True
        else None,
        default=schema.get("default", _UNSET),
        nullable=schema.get("nullable") is True,
        preserve_unknown=schema.get("x-kubernetes-preserve-unknown-fields") is True,
        int_or_string=schema.get("x-kubernetes-int-or-string") is True,
        embedded=schema.get("x-kubernetes-embedded-resource") is True,
        enum=schema["enum"] if isinstance(schema.get("enum"), list) else None,
        required=[r for r in _list(schema, "required") if isinstance(r, str)],
        checks={name: schema[name] for name in _CHECKS if schema.get(name) is not None},
        all_of=[_parse(s) for s in _list(schema, "allOf")],
        any_of=[_parse(s) for s in _list(schema, "anyOf")],
        one_of=[_parse(s) for s in _list(schema, "oneOf")],
        not_=_parse(negated) if isinstance(negated, Mapping) else None,
        list_type=str(schema.get("x-kubernetes-list-type") or "atomic"),
        list_map_keys=[
            k for k in _list(schema, "x-kubernetes-list-map-keys") if isinstance(k, str)
        ],
    )


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []


class StructuralSchema:
    """The schema of one version of a user's kind."""

    def __init__(self, schema: Mapping[str, Any], *, preserve_unknown: bool = False) -> None:
        self._root = _parse(schema)
        self._preserve = preserve_unknown

    def prune(self, obj: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return a copy without unknown fields, and their paths."""
        unknown: list[str] = []
        result: dict[str, Any] = {name: obj[name] for name in _ROOT if name in obj}
        if isinstance(obj.get("metadata"), Mapping):
            result["metadata"] = _prune_metadata(obj["metadata"], "metadata", unknown)
        body = {name: value for name, value in obj.items() if name not in _ROOT}
        if self._preserve:
            return result | body, unknown
        return result | _prune(self._root, body, "", unknown), unknown

    def default(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy in which absent fields have their defaults."""
        result: dict[str, Any] = _default(self._root, dict(obj))
        return result

    def validate(self, obj: Mapping[str, Any]) -> FieldErrors:
        """Every fault; what the platform itself checks about metadata is not repeated."""
        body = {name: value for name, value in obj.items() if name not in _ROOT}
        root = self._root
        absent = [name for name in root.required if name not in _ROOT and name not in body]
        errors = [required(name) for name in absent]
        for fault in _validate(root, body, ""):
            if fault.type is not ErrorType.REQUIRED or fault.paths[0] not in (*_ROOT, *absent):
                errors.append(fault)  # noqa: PERF401 - a comprehension would hide the rule
        return errors


# --- unknown fields -------------------------------------------------------------------------------


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prune_metadata(metadata: Mapping[str, Any], path: str, unknown: list[str]) -> dict[str, Any]:
    pruned, gone = prune_by_model(ObjectMeta, metadata)
    unknown.extend(f"{path}.{name}" for name in gone)
    return pruned


def _prune(node: Node, value: Any, path: str, unknown: list[str]) -> Any:
    if isinstance(value, Mapping):
        return _prune_object(node, value, path, unknown)
    if isinstance(value, list) and node.items is not None:
        return [_prune(node.items, v, f"{path}[{i}]", unknown) for i, v in enumerate(value)]
    return value


def _prune_object(
    node: Node, value: Mapping[str, Any], path: str, unknown: list[str]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, member in value.items():
        where = _join(path, name)
        child = node.properties.get(name)
        if node.embedded and name in _ROOT and child is None:
            is_metadata = name == "metadata" and isinstance(member, Mapping)
            kept[name] = _prune_metadata(member, where, unknown) if is_metadata else member
        elif child is not None:
            kept[name] = _prune(child, member, where, unknown)
        elif node.values is not None:
            kept[name] = _prune(node.values, member, where, unknown)
        elif node.preserve_unknown:
            kept[name] = member
        else:
            unknown.append(where)
    return kept


# --- defaults -------------------------------------------------------------------------------------


def _default(node: Node, value: Any) -> Any:
    if isinstance(value, dict):
        result = dict(value)
        for name, child in node.properties.items():
            # An explicit null asks for the default too, unless it is a value of its own.
            absent = name not in result or (result[name] is None and not child.nullable)
            if absent and child.default is not _UNSET:
                result[name] = deep_copy_json(child.default)
        for name, member in result.items():
            inner = node.properties.get(name) or node.values
            if inner is not None:
                result[name] = _default(inner, member)
        return result
    if isinstance(value, list) and node.items is not None:
        return [_default(node.items, item) for item in value]
    return value


# --- validation -----------------------------------------------------------------------------------


def _validate(node: Node, value: Any, path: str) -> Iterator[FieldError]:
    if value is None and node.nullable:
        return
    fault = _type_fault(node, value, path)
    if fault is not None:
        yield fault
        return
    if node.enum is not None and not any(_same(value, choice) for choice in node.enum):
        choices = [c if isinstance(c, str) else orjson.dumps(c).decode() for c in node.enum]
        yield not_supported(path, value, choices)
    yield from _check(node, value, path)
    yield from _combined(node, value, path)
    if isinstance(value, Mapping):
        yield from _validate_object(node, value, path)
    elif isinstance(value, list):
        if node.items is not None:
            for index, item in enumerate(value):
                yield from _validate(node.items, item, f"{path}[{index}]")
        yield from _duplicates(node, value, path)


def _type_fault(node: Node, value: Any, path: str) -> FieldError | None:
    found = json_type(value)
    if node.int_or_string:
        return None if found in ("integer", "string") else _mistyped(path, "integer,string", found)
    wanted = node.type
    if not wanted or found == wanted:
        return None
    if wanted == "number" and found == "integer":
        return None
    if wanted == "integer" and found == "number" and float(value).is_integer():
        return None
    return _mistyped(path, wanted, found)


def _mistyped(path: str, wanted: str, found: str) -> FieldError:
    detail = f'{path} in body must be of type {wanted}: "{found}"'
    return FieldError(f'Invalid value: "{found}": {detail}', (path,), type=ErrorType.TYPE_INVALID)


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _validate_object(node: Node, value: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for name in node.required:
        if name not in value:
            yield required(_join(path, name))
    if node.embedded:
        yield from (
            required(_join(path, name), "must not be empty")
            for name in ("apiVersion", "kind")
            if not value.get(name) and name not in node.required
        )
    for name, member in value.items():
        child = node.properties.get(name) or node.values
        if child is not None:
            yield from _validate(child, member, _join(path, name))


def _check(node: Node, value: Any, path: str) -> Iterator[FieldError]:
    checks = node.checks
    if not checks:
        return
    if isinstance(value, str):
        yield from _check_text(node, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        for detail in _number_faults(checks, value):
            yield invalid(path, value, f"{path} in body should be {detail}")
    elif isinstance(value, list):
        yield from _check_size(checks, len(value), path, value, "Items")
    elif isinstance(value, Mapping):
        yield from _check_size(checks, len(value), path, value, "Properties")


def _check_text(node: Node, value: str, path: str) -> Iterator[FieldError]:
    checks = node.checks
    least, most = _limit(checks, "minLength"), _limit(checks, "maxLength")
    if least is not None and len(value) < least:
        yield invalid(path, value, f"{path} in body should be at least {least} chars long")
    if most is not None and len(value) > most:
        yield FieldError(
            f"Too long: may not be more than {most} bytes", (path,), type=ErrorType.TOO_LONG
        )
    if node.pattern is not None and not matches(node.pattern, value):
        yield invalid(path, value, f"{path} in body should match '{checks['pattern']}'")
    form = checks.get("format")
    if isinstance(form, str) and not has_format(form, value):
        shown = orjson.dumps(value).decode()
        detail = f"{path} in body must be of type {form}: {shown}"
        yield FieldError(f"Invalid value: {shown}: {detail}", (path,), type=ErrorType.TYPE_INVALID)


def _limit(checks: Mapping[str, Any], name: str) -> float | None:
    value = checks.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number_faults(checks: Mapping[str, Any], value: float) -> Iterator[str]:
    least, most, step = (_limit(checks, k) for k in ("minimum", "maximum", "multipleOf"))
    if least is not None:
        if checks.get("exclusiveMinimum") is True:
            if value <= least:
                yield f"greater than {least}"
        elif value < least:
            yield f"greater than or equal to {least}"
    if most is not None:
        if checks.get("exclusiveMaximum") is True:
            if value >= most:
                yield f"less than {most}"
        elif value > most:
            yield f"less than or equal to {most}"
    if step and abs(math.remainder(value, step)) > 1e-9 * abs(step):
        yield f"a multiple of {step}"


def _check_size(
    checks: Mapping[str, Any], size: int, path: str, value: Any, what: str
) -> Iterator[FieldError]:
    least, most = _limit(checks, f"min{what}"), _limit(checks, f"max{what}")
    if least is not None and size < least:
        yield invalid(path, value, f"{path} in body should have at least {least} {what.lower()}")
    if most is not None and size > most:
        yield FieldError(
            f"Too many: {size}: must have at most {most} items",
            (path,),
            type=ErrorType.TOO_MANY,
        )


def _combined(node: Node, value: Any, path: str) -> Iterator[FieldError]:
    shown = f'"{path}"'
    for each in node.all_of:
        yield from _validate(each, value, path)
    if node.any_of and not any(_accepts(each, value, path) for each in node.any_of):
        yield invalid(path, value, f"{shown} must validate at least one schema (anyOf)")
    if node.one_of:
        count = sum(_accepts(each, value, path) for each in node.one_of)
        if count != 1:
            found = "Found none valid" if not count else f"Found {count} valid alternatives"
            yield invalid(
                path, value, f"{shown} must validate one and only one schema (oneOf). {found}"
            )
    if node.not_ is not None and _accepts(node.not_, value, path):
        yield invalid(path, value, f"{shown} must not validate the schema (not)")


def _accepts(node: Node, value: Any, path: str) -> bool:
    return next(_validate(node, value, path), None) is None


def _duplicates(node: Node, items: Sequence[Any], path: str) -> Iterator[FieldError]:
    if node.list_type not in ("set", "map"):
        return
    seen: set[bytes] = set()
    for index, item in enumerate(items):
        identity: Any = item
        if node.list_type == "map":
            if not isinstance(item, Mapping):
                continue
            known = node.items.properties if node.items else {}
            identity = {
                key: item.get(key, known[key].default if key in known else None)
                for key in node.list_map_keys
            }
            identity = {k: None if v is _UNSET else v for k, v in identity.items()}
        key = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
        if key in seen:
            yield duplicate(f"{path}[{index}]", identity)
        seen.add(key)
