"""What conversions of Tasks, Pipelines and their runs are made of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wakeful.apis.pipeline.reading import Wire

Convert = Callable[[Wire], Wire]


def rename(data: Wire, old: str, new: str) -> None:
    """Move a member, unless the new one is there."""
    if old in data:
        value = data.pop(old)
        data.setdefault(new, value)


def objects_of(data: Wire, key: str) -> Iterable[Wire]:
    """The objects of a list; what is no list or object is the model's to refuse."""
    value = data.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def object_of(data: Wire, key: str) -> Wire | None:
    """The member ``key``, if it is an object."""
    value = data.get(key)
    return value if isinstance(value, dict) else None


def list_of(data: Wire | None, key: str) -> list[Any]:
    """The member ``key``, if it is a list; an empty one otherwise."""
    value = data.get(key) if data is not None else None
    return value if isinstance(value, list) else []


def merge_named(first: list[Any], second: list[Any]) -> list[Any]:
    """Both lists; of things with one name the first counts."""
    names = [item.get("name") for item in first if isinstance(item, dict)]
    rest = [i for i in second if not isinstance(i, dict) or i.get("name") not in names]
    return [*first, *rest]


def put(data: Wire, key: str, value: Any) -> None:
    """Set a member that has something in it."""
    if value:
        data[key] = value


def pop_object(data: Wire, key: str) -> Wire | None:
    """Take the member ``key`` out; None when it is no object."""
    value = object_of(data, key)
    if value is not None:
        del data[key]
    return value
