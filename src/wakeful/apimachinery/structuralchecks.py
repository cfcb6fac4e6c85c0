"""Checking a value against a node of a structural schema. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from wakeful.apimachinery.decodeerrors import json_type
from wakeful.apimachinery.fields import (
    ErrorType,
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
)
from wakeful.apimachinery.formats import has_format
from wakeful.apimachinery.patterns import matches
from wakeful.apimachinery.structuralnode import UNSET, Node, join_path


def check_value(node: Node, value: Any, path: str) -> Iterator[FieldError]:
    """Every fault of ``value``, which is at ``path``."""
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
                yield from check_value(node.items, item, f"{path}[{index}]")
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
            yield required(join_path(path, name))
    if node.embedded:
        yield from (
            required(join_path(path, name), "must not be empty")
            for name in ("apiVersion", "kind")
            if not value.get(name) and name not in node.required
        )
    for name, member in value.items():
        child = node.properties.get(name) or node.values
        if child is not None:
            yield from check_value(child, member, join_path(path, name))


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
        yield from check_value(each, value, path)
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
    return next(check_value(node, value, path), None) is None


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
            identity = {k: None if v is UNSET else v for k, v in identity.items()}
        key = orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)
        if key in seen:
            yield duplicate(f"{path}[{index}]", identity)
        seen.add(key)
