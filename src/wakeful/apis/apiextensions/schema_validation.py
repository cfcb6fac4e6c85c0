"""What makes a structural schema: every keyword of the right type, every value of some type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.fields import (
    FieldErrors,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from wakeful.apimachinery.patterns import PatternError, check_pattern

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_MAX_DEPTH = 100
_LIST_TYPES = ("atomic", "map", "set")
_MAP_TYPES = ("atomic", "granular")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_EMBEDDED = "x-kubernetes-embedded-resource"
_LIST_TYPE, _LIST_KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"
_MAP_TYPE = "x-kubernetes-map-type"

_TEXTS = ("type", "format", "title", "description", "pattern", _LIST_TYPE, _MAP_TYPE)
_NUMBERS = ("maximum", "minimum", "multipleOf")
_COUNTS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")
_FLAGS = (
    "exclusiveMaximum",
    "exclusiveMinimum",
    "uniqueItems",
    "nullable",
    _PRESERVE,
    _INT_OR_STRING,
    _EMBEDDED,
)
_LISTS_OF_TEXTS = ("required", _LIST_KEYS)
_UNSUPPORTED = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems")


def validate_schema(schema: Any, path: str, depth: int = 0, *, inner: bool = False) -> FieldErrors:
    """Check one schema and everything below it; ``inner`` ones only narrow another down."""
    if not isinstance(schema, Mapping):
        return [invalid(path, schema, "must be an object")]
    if depth > _MAX_DEPTH:
        return [forbidden(path, "schema is nested too deeply")]
    errors = _validate_keywords(schema, path)
    if errors:
        return errors
    errors += _validate_type(schema, path, is_root=depth == 0, inner=inner)
    errors += _validate_lists(schema, path)
    for name, member in (schema.get("properties") or {}).items():
        errors += validate_schema(member, f"{path}.properties[{name}]", depth + 1, inner=inner)
    if "items" in schema:
        errors += validate_schema(schema["items"], f"{path}.items", depth + 1, inner=inner)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        at = f"{path}.additionalProperties"
        errors += validate_schema(extra, at, depth + 1, inner=inner)
    for name in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(schema.get(name) or ()):
            errors += validate_schema(part, f"{path}.{name}[{index}]", depth + 1, inner=True)
    if "not" in schema:
        errors += validate_schema(schema["not"], f"{path}.not", depth + 1, inner=True)
    return errors


def _validate_keywords(schema: Mapping[str, Any], path: str) -> FieldErrors:
    errors: FieldErrors = []
    for name, value in schema.items():
        fault = _keyword_fault(name, value)
        if fault:
            errors.append(invalid(f"{path}.{name}", value, fault))
        elif name in _UNSUPPORTED:
            errors.append(forbidden(f"{path}.{name}", f"{name} is not supported"))
        elif name == "uniqueItems" and value:
            detail = (
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
            )
            errors.append(forbidden(f"{path}.{name}", detail))
    return errors


def _keyword_fault(name: str, value: Any) -> str:
    """What keeps a value from being that keyword's; empty if nothing does."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _TEXTS:
        return "" if isinstance(value, str) else "must be a string"
    if name in _NUMBERS:
        if not is_number:
            return "must be a number"
        return "must be greater than 0" if name == "multipleOf" and value <= 0 else ""
    if name in _COUNTS:
        is_count = is_number and isinstance(value, int) and value >= 0
        return "" if is_count else "must be an integer greater than or equal to 0"
    if name in _FLAGS:
        return "" if isinstance(value, bool) else "must be a boolean"
    if name in _LISTS_OF_TEXTS:
        is_fine = isinstance(value, list) and all(isinstance(v, str) for v in value)
        return "" if is_fine else "must be a list of strings"
    if name in ("enum", "allOf", "anyOf", "oneOf", "x-kubernetes-validations"):
        return "" if isinstance(value, list) else "must be a list"
    if name == "properties":
        return "" if isinstance(value, Mapping) else "must be an object"
    if name == "additionalProperties":
        return "" if isinstance(value, Mapping | bool) else "must be a schema or a boolean"
    return ""


def _validate_type(
    schema: Mapping[str, Any], path: str, *, is_root: bool, inner: bool
) -> FieldErrors:
    errors: FieldErrors = []
    kind = schema.get("type", "")
    if kind:
        if kind not in _TYPES:
            errors.append(not_supported(f"{path}.type", kind, _TYPES))
    elif is_root:
        errors.append(required(f"{path}.type", "must not be empty at the root"))
    elif not inner and not schema.get(_INT_OR_STRING) and not schema.get(_PRESERVE):
        errors.append(required(f"{path}.type", "must not be empty for specified object fields"))
    if is_root and kind and kind != "object":
        errors.append(invalid(f"{path}.type", kind, "must be object at the root"))
    if schema.get("properties") and schema.get("additionalProperties") not in (None, False):
        detail = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(f"{path}.additionalProperties", detail))
    if "pattern" in schema:
        try:
            check_pattern(schema["pattern"])
        except PatternError as err:
            detail = f"must be a valid regular expression, but isn't: {err}"
            errors.append(invalid(f"{path}.pattern", schema["pattern"], detail))
    return errors


def _validate_lists(schema: Mapping[str, Any], path: str) -> FieldErrors:
    errors: FieldErrors = []
    kind, list_type = schema.get("type"), schema.get(_LIST_TYPE)
    if kind == "array" and "items" not in schema:
        errors.append(required(f"{path}.items", "must be specified"))
    if list_type is not None:
        if list_type not in _LIST_TYPES:
            errors.append(not_supported(f"{path}.{_LIST_TYPE}", list_type, _LIST_TYPES))
        if kind != "array":
            detail = f"must be array if {_LIST_TYPE} is specified"
            errors.append(invalid(f"{path}.type", kind or "", detail))
    if schema.get(_MAP_TYPE) not in (None, *_MAP_TYPES):
        errors.append(not_supported(f"{path}.{_MAP_TYPE}", schema[_MAP_TYPE], _MAP_TYPES))
    return errors + _validate_keys(schema, path)


def _validate_keys(schema: Mapping[str, Any], path: str) -> FieldErrors:
    keys, at = schema.get(_LIST_KEYS) or [], f"{path}.{_LIST_KEYS}"
    if schema.get(_LIST_TYPE) != "map":
        detail = f"must not be specified unless {_LIST_TYPE} is map"
        return [forbidden(at, detail)] if keys else []
    if not keys:
        return [required(at, f"must not be empty if {_LIST_TYPE} is map")]
    element = schema.get("items")
    members = element.get("properties") if isinstance(element, Mapping) else None
    known = members if isinstance(members, Mapping) else {}
    errors = [not_found(f"{at}[{i}]", key) for i, key in enumerate(keys) if key not in known]
    errors += [duplicate(f"{at}[{i}]", key) for i, key in enumerate(keys) if key in keys[:i]]
    return errors
