"""What a watch delivers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class EventType(StrEnum):
    """The five words of a watch stream."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation of the bookmark that closes the initial part of a streaming list."""


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change; ``object`` is the state after it (for DELETED, the last state)."""

    type: EventType
    object: T


RawWatchEvent = WatchEvent[dict[str, Any]]
