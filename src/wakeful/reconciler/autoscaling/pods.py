"""How many instances of each revision are ready: a count kept as pods change, not a search."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Pod
from wakeful.apis.serving import register
from wakeful.client import Change


class ReadyPods:
    """Follows pods by the revision they are labelled with; a handler for their informer."""

    def __init__(self) -> None:
        self._ready: dict[NamespacedName, set[str]] = {}
        self._listeners: list[Callable[[NamespacedName], None]] = []

    def on_change(self, listener: Callable[[NamespacedName], None]) -> None:
        """Call ``listener`` with each revision that has won or lost a ready instance."""
        self._listeners.append(listener)

    def count(self, revision: NamespacedName) -> int:
        """Ready instances of a revision that are not on their way out."""
        return len(self._ready.get(revision, ()))

    def observe(self, change: Change[Pod]) -> None:
        """Take in one change of a pod."""
        pod = change.object
        before, after = _revision_of(change.old), _revision_of(change.new)
        if before is not None and before != after:
            self._set(before, pod.metadata.name, ready=False)
        if after is not None:
            self._set(after, pod.metadata.name, ready=pod.is_ready and pod.is_active)

    def _set(self, revision: NamespacedName, pod: str, *, ready: bool) -> None:
        names = self._ready.setdefault(revision, set())
        changed = ready != (pod in names)
        if ready:
            names.add(pod)
        else:
            names.discard(pod)
        if not names:
            del self._ready[revision]
        if changed:
            for listener in self._listeners:
                listener(revision)


def _revision_of(pod: Pod | None) -> NamespacedName | None:
    name = pod.metadata.labels.get(register.REVISION) if pod is not None else None
    return NamespacedName(pod.metadata.namespace, name) if pod is not None and name else None
