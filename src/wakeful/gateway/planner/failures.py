"""Tells from a Revision's conditions that waiting for an instance is in vain. Pure."""

from __future__ import annotations

from wakeful.apimachinery.conditions import Condition
from wakeful.apis.serving import Revision
from wakeful.client import Change

_DECISIVE = ("ContainerHealthy", "ResourcesAvailable")
_ACTIVE, _TIMED_OUT = "Active", "TimedOut"


def start_failure(change: Change[Revision]) -> str:
    """Why held requests should be given up now; empty unless this very change says so."""
    if change.new is None:
        return ""
    for kind in _DECISIVE:
        found = _became_false(change, kind)
        if found is not None:
            return found.message or found.reason
    found = _became_false(change, _ACTIVE)
    if found is not None and found.reason == _TIMED_OUT:
        return found.message or found.reason
    return ""


def _became_false(change: Change[Revision], kind: str) -> Condition | None:
    new = change.new.status.condition(kind) if change.new is not None else None
    if new is None or not new.is_false:
        return None
    old = change.old.status.condition(kind) if change.old is not None else None
    same = old is not None and (old.status, old.reason) == (new.status, new.reason)
    return None if same else new
