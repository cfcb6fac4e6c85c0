"""``events.k8s.io/v1`` and core ``v1``: one event, two spellings."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.meta import GroupVersionKind

GVK = GroupVersionKind("events.k8s.io", "v1", "Event")
_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_BACK = {new: old for old, new in _NAMES.items()}
FIELDS = {
    **{
        f"regarding.{member}": f".regarding.{member}"
        for member in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")
    },
    "regarding.fieldPath": ".regarding.fieldPath",
    "reason": ".reason",
    "reportingController": ".reportingController",
    "type": ".type",
}
"""Field selectors in this group's spelling."""


def from_core(event: dict[str, Any]) -> dict[str, Any]:
    """Spell a core event the group's way."""
    return {_NAMES.get(key, key): value for key, value in event.items()}


def to_core(event: dict[str, Any]) -> dict[str, Any]:
    """Spell the group's event the core way."""
    return {_BACK.get(key, key): value for key, value in event.items()}
