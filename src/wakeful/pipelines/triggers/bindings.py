"""From the parameters of bindings to their values for one request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from wakeful.apimachinery.jsonpath import JSONPathError, compile_path
from wakeful.apis.triggers import BindingParam
from wakeful.pipelines.triggers.events import Event, canonical

_ROOTS = ("body", "header", "extensions", "context")
_HEADER = re.compile(r"header\.([A-Za-z0-9_-]+)")


class BindingError(ValueError):
    """A value cannot be had from the request."""


def bind(params: Iterable[BindingParam], event: Event, defaults: Iterable[str]) -> dict[str, str]:
    """Return the values of ``params``; those in ``defaults`` may be missing from the request.

    Raises:
        BindingError: Something that has no default is missing, or a name is given twice.
    """
    has_default = frozenset(defaults)
    surroundings = {
        "body": event.body,
        "extensions": dict(event.extensions),
        "context": {"eventID": event.event_id},
    }
    values: dict[str, str] = {}
    for param in params:
        if param.name in values:
            raise BindingError(f"duplicate param name: {param.name}")
        try:
            values[param.name] = _replace(param.value, surroundings, event)
        except BindingError:
            if param.name not in has_default:
                raise
    return values


def _replace(text: str, surroundings: Mapping[str, Any], event: Event) -> str:
    """Replace each ``$(…)``; what it does not know stays as it is."""
    result, position = [], 0
    while (start := text.find("$(", position)) >= 0:
        end = _closing(text, start + 2)
        if end < 0:
            break
        inside = text[start + 2 : end]
        result.append(text[position:start])
        result.append(_value(inside, surroundings, event))
        position = end + 1
    return "".join([*result, text[position:]])


def _closing(text: str, position: int) -> int:
    depth = 1
    for index in range(position, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if not depth:
            return index
    return -1


def _value(inside: str, surroundings: Mapping[str, Any], event: Event) -> str:
    root = re.split(r"[.\[]", inside, maxsplit=1)[0]
    if root not in _ROOTS:
        return f"$({inside})"
    if root == "header":
        return _header(inside, event)
    try:
        found = compile_path(f".{inside}").find(surroundings)
    except JSONPathError as error:
        raise BindingError(str(error)) from error
    if not found:
        raise BindingError(f"failed to replace JSONPath value for param $({inside}): not found")
    value = found[0] if len(found) == 1 else list(found)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _header(inside: str, event: Event) -> str:
    if inside == "header":
        joined = {name: ",".join(values) for name, values in event.headers.items()}
        return orjson.dumps(joined).decode()
    match = _HEADER.fullmatch(inside)
    name = match[1] if match else inside.removeprefix("header").strip("[]'\".")
    values = event.headers.get(canonical(name))
    if values is None:
        raise BindingError(f"failed to replace JSONPath value for param $({inside}): not found")
    return ",".join(values)
