"""What is wrong with a request's body, in upstream's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from wakeful.apimachinery.errors import APIStatusError, BadRequestError, InvalidError
from wakeful.apimachinery.fields import (
    ErrorType,
    FieldError,
    FieldErrors,
    invalid,
    required,
    to_causes,
)
from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.pruning import OPEN, Structure, members_of


def decoding_problems(unknown: Iterable[str], duplicates: Iterable[str]) -> list[str]:
    """``unknown field "spec.x"``: texts for warnings and for :func:`strict_error`."""
    texts = [f'duplicate field "{path}"' for path in duplicates]
    texts.extend(f'unknown field "{path}"' for path in unknown)
    return texts


def strict_error(gvk: GroupVersionKind, problems: Iterable[str], *, custom: bool) -> APIStatusError:
    """The 400 of ``fieldValidation=Strict``."""
    text = f"strict decoding error: {', '.join(problems)}"
    return BadRequestError(text if custom else _cannot_be_handled(gvk, text))


def _cannot_be_handled(gvk: GroupVersionKind, why: str) -> str:
    return f'{gvk.kind} in version "{gvk.version}" cannot be handled as a {gvk.kind}: {why}'


_EXPECTED: Mapping[str, tuple[str, str]] = {
    "string_type": ("string", "string"),
    "string_sub_type": ("string", "string"),
    "int_type": ("int32", "integer"),
    "int_from_float": ("int32", "integer"),
    "int_parsing": ("int32", "integer"),
    "int_parsing_size": ("int32", "integer"),
    "float_type": ("float64", "number"),
    "bool_type": ("bool", "boolean"),
    "list_type": ("[]", "array"),
    "dict_type": ("map[string]string", "object"),
    "mapping_type": ("map[string]string", "object"),
    "model_type": ("", "object"),
    "model_attributes_type": ("", "object"),
    "datetime_type": ("v1.Time", "string"),
    "datetime_parsing": ("v1.Time", "string"),
}
"""Pydantic's word for a wrong type: what Go calls the right one, and what OpenAPI calls it."""


_ZEROS: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0.0, "boolean": False}


def fill_nulls(data: dict[str, Any], error: ValidationError) -> bool:
    """Put zero values where ``error`` found null in a list; tell whether there were any.

    Go's decoder leaves an item alone for which it reads null.
    """
    found = False
    for fault in error.errors(include_url=False, include_context=False):
        _, value, steps = _locate(data, fault["loc"])
        expected = _EXPECTED.get(fault["type"])
        if value is not None or expected is None or not steps or not isinstance(steps[-1], int):
            continue
        holder: Any = data
        for step in steps[:-1]:
            holder = holder[step]
        if holder[steps[-1]] is None:
            holder[steps[-1]] = _ZEROS.get(expected[1], {})
            found = True
    return found


def validation_error(
    gvk: GroupVersionKind,
    model: type[BaseModel],
    data: Mapping[str, Any],
    error: ValidationError,
    *,
    custom: bool,
) -> APIStatusError:
    """Turn pydantic's refusal of ``data`` into the answer clients expect.

    Built-in kinds answer 400 about the first fault, as Go's decoder does; custom kinds 422 about
    every one.
    """
    if not custom:
        return BadRequestError(_cannot_be_handled(gvk, _go_message(model, data, error)))
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else ""
    return InvalidError.of(
        gvk.kind,
        gvk.group,
        name if isinstance(name, str) else "",
        to_causes(validation_field_errors(data, error)),
    )


def validation_field_errors(data: Mapping[str, Any], error: ValidationError) -> FieldErrors:
    """One field error for every path pydantic complains about."""
    by_path: dict[str, list[tuple[str, Any, str]]] = {}
    for fault in error.errors(include_url=False, include_context=False):
        path, value, _ = _locate(data, fault["loc"])
        by_path.setdefault(path, []).append((fault["type"], value, fault["msg"]))
    return [_field_error(path, faults) for path, faults in by_path.items()]


def _field_error(path: str, faults: list[tuple[str, Any, str]]) -> FieldError:
    kind, value, message = faults[0]
    if kind == "missing":
        return required(path)
    types = [_EXPECTED[k][1] for k, _, _ in faults if k in _EXPECTED]
    if not types or (isinstance(value, str) and "string" in types):
        return invalid(path, value, message.removeprefix("Value error, "))
    found = json_type(value)
    wanted = ",".join(dict.fromkeys(types))
    detail = f'{path} in body must be of type {wanted}: "{found}"'
    return FieldError(f'Invalid value: "{found}": {detail}', (path,), type=ErrorType.TYPE_INVALID)


def json_type(value: Any) -> str:
    """What OpenAPI calls the type of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _go_type(value: Any) -> str:
    found = json_type(value)
    return {"boolean": "bool", "integer": "number"}.get(found, found)


def _locate(data: Any, loc: tuple[int | str, ...]) -> tuple[str, Any, list[int | str]]:
    """Path, value and bare steps of a fault; the tags pydantic adds for unions are left out."""
    path, value, steps = "", data, list[int | str]()
    for position, step in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            path, value = f"{path}[{step}]", value[step]
        elif isinstance(step, str) and isinstance(value, Mapping) and (step in value or last):
            if step == "[key]":
                continue
            path, value = f"{path}.{step}" if path else step, value.get(step)
        else:
            continue
        steps.append(step)
    return path, value, steps


def _go_message(model: type[BaseModel], data: Mapping[str, Any], error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False)
    path, value, steps = _locate(data, faults[0]["loc"])
    owner, structure = model, Structure(model=model)
    for step in steps:
        if structure.model is not None:
            owner = structure.model
            structure = members_of(owner).get(str(step), OPEN)
        else:
            structure = structure.items or structure.values or OPEN
    same_place = [f["type"] for f in faults if _locate(data, f["loc"])[0] == path]
    kind = same_place[0]
    if kind not in _EXPECTED:
        message = faults[0]["msg"].removeprefix("Value error, ")
        return f"{path}: {message}" if path else message
    wanted = _EXPECTED[kind][0]
    if len(set(same_place)) > 1:
        wanted = "intstr.IntOrString"
    elif kind == "list_type":
        item = structure.items or OPEN
        wanted = f"[]v1.{item.model.__name__}" if item.model else "[]string"
    elif structure.model is not None:
        wanted = f"v1.{structure.model.__name__}"
    fields = ".".join(s for s in steps if isinstance(s, str))
    where = f"field {owner.__name__}.{fields}" if fields else "value"
    return f"json: cannot unmarshal {_go_type(value)} into Go struct {where} of type {wanted}"
