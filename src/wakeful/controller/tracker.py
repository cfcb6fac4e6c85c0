"""Who wants to know about which other object: references that are not ownership."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.client import Change

Ref = tuple[str, str, NamespacedName]
"""Group, kind, key."""


class Tracker:
    """Remembers that ``dependent`` reads ``target`` and enqueues it when the target changes."""

    def __init__(self, enqueue: Callable[[NamespacedName], None]) -> None:
        self._enqueue = enqueue
        self._readers: dict[Ref, set[NamespacedName]] = defaultdict(set)
        self._reads: dict[NamespacedName, set[Ref]] = defaultdict(set)

    def track(
        self, group: str, kind: str, target: NamespacedName, dependent: NamespacedName
    ) -> None:
        """Have ``dependent`` reconciled whenever ``target`` changes, exists or not."""
        ref = (group, kind, target)
        self._readers[ref].add(dependent)
        self._reads[dependent].add(ref)

    def forget(self, dependent: NamespacedName) -> None:
        """``dependent`` is gone, or is about to say anew what it reads."""
        for ref in self._reads.pop(dependent, ()):
            readers = self._readers[ref]
            readers.discard(dependent)
            if not readers:
                del self._readers[ref]

    def on_change(self, change: Change[Any]) -> None:
        """Handler for the informers of target kinds."""
        obj: Object = change.object
        ref = (obj.gvk.group, obj.gvk.kind, obj.key)
        for dependent in list(self._readers.get(ref, ())):
            self._enqueue(dependent)
