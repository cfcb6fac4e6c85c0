"""Cells of ``kubectl get``: what a column shows of an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from wakeful.apimachinery.duration import human_duration
from wakeful.apimachinery.jsonpath import JSONPathError, compile_path
from wakeful.apimachinery.scheme import Column

_INT64 = range(-(2**63), 2**63)
WIDE_NAME = Column(
    "Name",
    ".metadata.name",
    format="name",
    description="Name must be unique within a namespace.",
    wide=True,
)
"""For kinds whose names say nothing to a reader: the name is shown where this is, on request."""
_NAME = replace(WIDE_NAME, wide=False)


def column_definitions(columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The ``columnDefinitions`` of a Table, ``Name`` first unless it has its own place."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": 1 if column.wide else 0,
        }
        for column in _with_name(columns)
    ]


def render_row(columns: Sequence[Column], obj: Mapping[str, Any], now: datetime) -> list[Any]:
    """The cells of one object, in the order of :func:`column_definitions`."""
    return [render_cell(column, obj, now) for column in _with_name(columns)]


def _with_name(columns: Sequence[Column]) -> Sequence[Column]:
    return columns if WIDE_NAME in columns else (_NAME, *columns)


def render_cell(column: Column, obj: Mapping[str, Any], now: datetime) -> Any:
    """One cell: text, integer, number, boolean, or None for nothing.

    A path that yields several values shows them joined by commas; a value of another type than the
    column's shows as nothing, as upstream does.
    """
    if not isinstance(column.value, str):
        return column.value(obj, now)
    try:
        found = compile_path(column.value).find(obj)
    except JSONPathError:
        return None
    if not found:
        return None
    value = found[0]
    match column.type:
        case "string":
            return ",".join(cell_text(v) for v in found)
        case "date":
            return render_age(value, now) if isinstance(value, str) else None
        case "integer":
            return _integer(value) if _is_number(value) else None
        case "number":
            return value if _is_number(value) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case _:
            return None


def _integer(value: float) -> int | None:
    whole = int(value)
    return whole if whole in _INT64 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def render_age(text: str, now: datetime) -> str:
    """How long ago an RFC 3339 time was, as ``5s``, ``3m2s``, ``12d``."""
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return "<invalid>"
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return human_duration(now - then)


def cell_text(value: Any) -> str:
    """A value as Go prints it: text bare, booleans in lower case, the rest as JSON."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
