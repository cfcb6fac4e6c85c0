"""Tells from Revisions and their Pods that waiting for an instance is in vain.

A program that ends while it starts is going to end the next time, too: who waits for it hears so at
once. One that was ready before, and is started anew because it ended or did not pass its liveness
probe, is waited for, as it would be behind Knative's activator; unless it does not come up again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wakeful.apimachinery.conditions import Condition
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_endings import ended_after_ready, last_ending
from wakeful.apis.serving import Revision
from wakeful.apis.serving.revision_lifecycle import (
    ACTIVE,
    CONTAINER_HEALTHY,
    RESOURCES_AVAILABLE,
    exit_message,
)
from wakeful.client import Change
from wakeful.gateway.plan import RevisionKey
from wakeful.gateway.planner.caches import Caches

_DECISIVE = (CONTAINER_HEALTHY, RESOURCES_AVAILABLE)
_EXITED, _TIMED_OUT = "ExitCode", "TimedOut"


class Failures:
    """Has held requests given up: calls ``fail`` with the Revision and why, when that is known."""

    def __init__(self, caches: Caches, fail: Callable[[RevisionKey, str], None]) -> None:
        self._caches, self._fail = caches, fail
        caches.revisions.add_handler(self._on_revision)
        caches.pods.add_handler(self._on_pod)

    def _on_revision(self, change: Change[Revision]) -> None:
        key = RevisionKey(change.object.metadata.namespace, change.object.metadata.name)
        if reason := start_failure(change, self._caches.pods_of(key)):
            self._fail(key, reason)

    def _on_pod(self, change: Change[Pod]) -> None:
        key = self._caches.revision_of_pod(change.object)
        if key is None:
            return
        if reason := restart_failure(change, self._caches.pods_of(key)):
            self._fail(key, reason)


def start_failure(change: Change[Revision], pods: Iterable[Pod]) -> str:
    """Why held requests should be given up now; empty unless this very change says so.

    ``pods`` are the Revision's. Where one of them serves, or is started again after it did, that a
    container ended is no reason.
    """
    if change.new is None:
        return ""
    for kind in _DECISIVE:
        found = _became_false(change, kind)
        if found is None:
            continue
        if found.reason.startswith(_EXITED) and any(map(_is_hopeful, pods)):
            continue
        return found.message or found.reason
    found = _became_false(change, ACTIVE)
    if found is not None and found.reason == _TIMED_OUT:
        return found.message or found.reason
    return ""


def restart_failure(change: Change[Pod], pods: Iterable[Pod]) -> str:
    """Why nobody should wait for a Pod whose container ended once more before it served.

    Its Revision has nothing new to say then: a container of it had ended before. Empty unless this
    very change says so, and while another of its ``pods`` serves or is on its way.
    """
    old, new = change.old, change.new
    if old is None or new is None or not new.is_active:
        return ""
    ended = last_ending(new)
    if ended is None or ended == last_ending(old) or _is_hopeful(new):
        return ""
    others = (pod for pod in pods if pod.metadata.uid != new.metadata.uid and pod.is_active)
    if any(_is_hopeful(pod) or last_ending(pod) is None for pod in others):
        return ""
    return exit_message(ended.exit_code or 0, ended.message)


def _is_hopeful(pod: Pod) -> bool:
    return pod.is_active and (pod.is_ready or ended_after_ready(pod))


def _became_false(change: Change[Revision], kind: str) -> Condition | None:
    new = change.new.status.condition(kind) if change.new is not None else None
    if new is None or not new.is_false:
        return None
    old = change.old.status.condition(kind) if change.old is not None else None
    same = old is not None and (old.status, old.reason) == (new.status, new.reason)
    return None if same else new
