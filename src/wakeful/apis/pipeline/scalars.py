"""Scalars of Tekton's kinds: durations, and values that are text, a list or an object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from wakeful.apimachinery.duration import format_duration, parse_duration


def _read_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string"}),
]
"""``1h30m`` on the wire; written as Go does, ``1h30m0s``."""


class ParamType(StrEnum):
    """What a parameter or result may hold."""

    STRING = "string"
    ARRAY = "array"
    OBJECT = "object"


def _as_text(value: Any) -> str:
    """Anything that is not text, as the JSON it was written in."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def coerce_value(value: Any) -> Any:
    """Read a value: numbers and booleans count as text, and so does what holds anything but text.

    That is upstream's rule (``ParamValue.UnmarshalJSON``): a list or object with other members than
    text is kept whole, as its JSON.
    """
    if isinstance(value, list):
        if all(isinstance(v, str) or v is None for v in value):
            return [v or "" for v in value]
        return _as_text(value)
    if isinstance(value, Mapping):
        if all(isinstance(v, str) or v is None for v in value.values()):
            return {k: v or "" for k, v in value.items()}
        return _as_text(value)
    return _as_text(value)


ParamValue = Annotated[
    str | list[str] | dict[str, str],
    BeforeValidator(coerce_value),
    WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True}),
]
"""A parameter's or result's value."""


def type_of(value: str | list[str] | dict[str, str]) -> ParamType:
    """Which of the three a value is."""
    if isinstance(value, list):
        return ParamType.ARRAY
    if isinstance(value, dict):
        return ParamType.OBJECT
    return ParamType.STRING


def texts_of(value: str | list[str] | dict[str, str] | None) -> list[str]:
    """Every text in a value."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, list) else list(value.values())
