"""Pods that a controller made or deleted and its cache does not show yet."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeVar

from wakeful.aio import Clock
from wakeful.apimachinery.meta import Object
from wakeful.apis.core import Pod
from wakeful.client import Change, Informer

Owner = TypeVar("Owner", bound=Object)

_FORGET_SECONDS = 300.0
"""An event that did not come by then was lost with the watch that should have brought it."""


def follow_pods(owners: Informer[Owner], pods: Informer[Pod], clock: Clock) -> PendingPods:
    """What is pending of these owners; call it before their controller watches the pods.

    The controller counts on what its cache shows being off the books already.
    """
    pending = PendingPods(clock)
    pods.add_handler(pending.observe)

    def forget(change: Change[Owner]) -> None:
        if change.new is None:
            pending.forget(change.object.metadata.uid)

    owners.add_handler(forget)
    return pending


class PendingPods:
    """Pods created and deleted but not seen in the cache, by their owner's uid.

    Names of new pods are chosen before they are created, so an event that is faster than the
    answer to the create still finds its entry. Counting both the cache and these keeps a replica
    set from ever making one pod too many.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._created: dict[str, dict[str, float]] = defaultdict(dict)
        self._deleted: dict[str, dict[str, float]] = defaultdict(dict)

    def creating(self, owner: str, name: str) -> None:
        """A pod is about to be created."""
        self._created[owner][name] = self._clock.monotonic()

    def not_created(self, owner: str, name: str) -> None:
        """It was not."""
        _discard(self._created, owner, name)

    def deleting(self, owner: str, uid: str) -> None:
        """A pod is about to be deleted."""
        self._deleted[owner][uid] = self._clock.monotonic()

    def not_deleted(self, owner: str, uid: str) -> None:
        """It was not."""
        _discard(self._deleted, owner, uid)

    def observe(self, change: Change[Pod]) -> None:
        """The cache shows another state of a pod."""
        pod = change.object
        for ref in pod.metadata.owner_references:
            _discard(self._created, ref.uid, pod.metadata.name)
            if change.new is None or pod.is_deleting:
                _discard(self._deleted, ref.uid, pod.metadata.uid)

    def created(self, owner: str) -> int:
        """How many new pods the cache lacks."""
        return len(self._fresh(self._created, owner))

    def deleted(self, owner: str) -> set[str]:
        """Uids of pods that the cache still shows as alive."""
        return set(self._fresh(self._deleted, owner))

    def forget(self, owner: str) -> None:
        """The owner is gone."""
        self._created.pop(owner, None)
        self._deleted.pop(owner, None)

    def _fresh(self, pending: dict[str, dict[str, float]], owner: str) -> dict[str, float]:
        entries = pending.get(owner)
        if not entries:
            return {}
        oldest = self._clock.monotonic() - _FORGET_SECONDS
        for key in [k for k, since in entries.items() if since < oldest]:
            del entries[key]
        return entries


def _discard(pending: dict[str, dict[str, float]], owner: str, key: str) -> None:
    entries = pending.get(owner)
    if entries is not None and entries.pop(key, None) is not None and not entries:
        del pending[owner]
