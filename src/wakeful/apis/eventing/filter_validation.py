"""What is wrong with filters; Triggers and EventPolicies have the same ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wakeful import cesql
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_key_name,
    invalid_value,
    under,
    under_index,
    under_key,
)

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9]*")
_DETAILS = "Attribute name must start with a letter and can only contain lowercase alphanumeric"
_MAPS = ("exact", "prefix", "suffix")
_LISTS = ("all", "any")
DIALECTS = (*_MAPS, *_LISTS, "not", "cesql")
_DEEPEST = 32


def validate_attribute_names(attributes: Iterable[str]) -> FieldErrors:
    """Faults of names, with paths below the map."""
    return [
        fault
        for name in attributes
        if not _ATTRIBUTE.fullmatch(name)
        for fault in under_key("", name, [invalid_key_name(name, "", _DETAILS)])
    ]


def validate_filters(filters: Sequence[Any], depth: int = 0) -> FieldErrors:
    """Faults of filters as they are on the wire, with paths that begin with an index."""
    errors: FieldErrors = []
    for index, found in enumerate(filters):
        errors += under_index("", index, _validate_filter(found, depth))
    return errors


def _validate_filter(wire: Any, depth: int) -> FieldErrors:
    if not isinstance(wire, Mapping):
        return [invalid_value(wire, "", "a filter is an object")]
    if depth > _DEEPEST:
        return [invalid_value("...", "", f"filters are nested more than {_DEEPEST} deep")]
    used = [name for name in DIALECTS if wire.get(name)]
    errors: FieldErrors = []
    if len(used) > 1:
        message = "multiple dialects found, filters can have only one dialect set"
        errors.append(FieldError(message))
    unknown = [name for name in wire if name not in DIALECTS]
    if unknown:
        errors.append(disallowed_fields(*unknown))
    for name in used:
        errors += under(name, _validate_operand(name, wire[name], depth))
    return errors


def _validate_operand(dialect: str, operand: Any, depth: int) -> FieldErrors:
    if dialect in _MAPS:
        if not isinstance(operand, Mapping):
            return [invalid_value(operand, "", "expected attribute names with values")]
        errors = validate_attribute_names(operand)
        errors += [
            invalid_value(value, name, "the value of an attribute must be text, and not empty")
            for name, value in operand.items()
            if not isinstance(value, str) or not value
        ]
        return errors
    if dialect in _LISTS:
        if not isinstance(operand, list):
            return [invalid_value(operand, "", "expected a list of filters")]
        return validate_filters(operand, depth + 1)
    if dialect == "not":
        return _validate_filter(operand, depth + 1)
    return _validate_expression(operand)


def _validate_expression(operand: Any) -> FieldErrors:
    if not isinstance(operand, str):
        return [invalid_value(operand, "", "expected text")]
    try:
        cesql.parse(operand)
    except cesql.ParseError as error:
        return [invalid_value(operand, "", str(error))]
    return []
