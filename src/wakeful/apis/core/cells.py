"""Cells that the tables of several built-in kinds share.

Every function takes an object as wire data and returns what a cell shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from wakeful.apimachinery.duration import human_duration
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.scheme import Column

Wire = Mapping[str, Any]
Cell = Callable[[Wire, datetime], Any]
NONE, UNKNOWN, UNSET = "<none>", "<unknown>", "<unset>"


def dig(data: Any, *path: str, default: Any = None) -> Any:
    """Follow members; ``default`` where one is missing or null."""
    for key in path:
        if not isinstance(data, Mapping):
            return default
        data = data.get(key)
    return default if data is None else data


def text(*path: str, default: str = NONE) -> Cell:
    """A member as it is, or ``<none>``."""

    def cell(obj: Wire, now: datetime) -> Any:
        return dig(obj, *path) or default

    return cell


def number(*path: str, default: int = 0) -> Cell:
    """An integer member."""

    def cell(obj: Wire, now: datetime) -> Any:
        return dig(obj, *path, default=default)

    return cell


def since(moment: str | None, now: datetime) -> str:
    """How long ago, or ``<unknown>``."""
    if not moment:
        return UNKNOWN
    return human_duration(now - parse_time(moment))


def pairs(labels: Mapping[str, str] | None) -> str:
    """``a=b,c=d``, or ``<none>``."""
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or NONE


def joined(values: Iterable[str]) -> str:
    """Comma-separated, or ``<none>``."""
    return ",".join(values) or NONE


def label_selector(selector: Wire | None) -> str:
    """A LabelSelector in the short form, or ``<none>``."""
    return str(LabelSelector.from_wire(selector or {}).to_selector()) or NONE


def containers(obj: Wire, now: datetime) -> str:
    """Container names of the pod template."""
    return joined(c.get("name", "") for c in _containers(obj))


def images(obj: Wire, now: datetime) -> str:
    """Container images of the pod template."""
    return joined(c.get("image", "") for c in _containers(obj))


def selector(obj: Wire, now: datetime) -> str:
    """The object's own ``spec.selector``."""
    return label_selector(dig(obj, "spec", "selector"))


def _containers(obj: Wire) -> list[Wire]:
    found: list[Wire] = dig(obj, "spec", "template", "spec", "containers", default=[])
    return found


def created_at(obj: Wire, now: datetime) -> Any:
    """The creation time as text, not as an age."""
    return dig(obj, "metadata", "creationTimestamp")


CREATED_AT = Column("Created At", created_at, type="date")
TEMPLATE_COLUMNS = (
    Column("Containers", containers, wide=True),
    Column("Images", images, wide=True),
    Column("Selector", selector, wide=True),
)
