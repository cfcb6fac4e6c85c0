"""Zygotes of revisions: who waits, making one, and the word to begin."""

from __future__ import annotations

from contextlib import suppress

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.meta import NamespacedName, parse_time
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PARKED_ANNOTATION, UNFIT, ZYGOTE_ANNOTATION
from wakeful.apis.serving import register
from wakeful.autoscaler.zygote import Instance, Nursery
from wakeful.client import Change, Client
from wakeful.reconciler.autoscaling.kpa.frozen import FrozenPods
from wakeful.reconciler.autoscaling.kpa.parking import Parking


class ZygotePods:
    """Acts on the instances of revisions that rest by way of a zygote."""

    def __init__(self, client: Client, pods: FrozenPods, parking: Parking) -> None:
        self._client, self._pods, self._parking = client, pods, parking

    def nursery(self, revision: NamespacedName, *, replicas: int, reachable: bool) -> Nursery:
        """What there is of a revision."""
        return Nursery(
            replicas=replicas,
            instances=[_instance(pod) for pod in self._pods.instances(revision)],
            expected=revision in self._parking.resting,
            reachable=reachable,
        )

    def note(self, revision: NamespacedName, *, keeps: bool) -> None:
        """Have new instances know whether one is to wait at zero."""
        if keeps:
            self._parking.keeping.add(revision)
        else:
            self._parking.keeping.discard(revision)

    async def replace(self, revision: NamespacedName) -> None:
        """End what has served; what comes in its place waits."""
        self._parking.resting.add(revision)
        for pod in self._pods.instances(revision):
            await self._delete(pod)

    def stay(self, revision: NamespacedName) -> None:
        """Should what waits get lost, its successor waits too."""
        self._parking.resting.add(revision)

    def leave(self, revision: NamespacedName) -> None:
        """The revision does not rest any more, or is gone."""
        self._parking.resting.discard(revision)

    async def release(self, revision: NamespacedName) -> bool:
        """Have what waits begin; says whether there was anything that can.

        One that is between two runs would wait out its back-off first: a new one is quicker.
        """
        begun = False
        for pod in self._pods.instances(revision):
            if PARKED_ANNOTATION not in pod.metadata.annotations:
                continue
            if _is_between_runs(pod):
                await self._delete(pod)
                continue
            meta = pod.metadata
            patch = {"metadata": {"annotations": {PARKED_ANNOTATION: None}, "uid": meta.uid}}
            with suppress(NotFoundError):
                await self._client.patch(Pod, meta.name, meta.namespace, patch)
                begun = True
        return begun

    async def _delete(self, pod: Pod) -> None:
        meta = pod.metadata
        with suppress(NotFoundError):
            await self._client.delete(Pod, meta.name, meta.namespace, uid=meta.uid)


def revision_of_parked(change: Change[Pod]) -> NamespacedName | None:
    """The revision whose zygote has appeared, told something new, or ended; else None."""
    pod, old = change.object, change.old
    name = pod.metadata.labels.get(register.REVISION)
    if not name or PARKED_ANNOTATION not in pod.metadata.annotations:
        return None
    if old is not None and change.new is not None and _facts(old) == _facts(change.new):
        return None
    return NamespacedName(pod.metadata.namespace, name)


def _facts(pod: Pod) -> tuple[object, ...]:
    annotations = pod.metadata.annotations
    told = (annotations.get(PARKED_ANNOTATION), annotations.get(ZYGOTE_ANNOTATION))
    return pod.is_active, pod.is_ready, _restarts(pod), *told


def _instance(pod: Pod) -> Instance:
    since = pod.metadata.annotations.get(PARKED_ANNOTATION)
    told = pod.metadata.annotations.get(ZYGOTE_ANNOTATION, "")
    unfit = told.removeprefix(UNFIT) if told.startswith(UNFIT) else ""
    return Instance(
        ready=pod.is_ready,
        parked_since=parse_time(since).timestamp() if since else None,
        restarts=_restarts(pod),
        known="" if unfit else told,
        unfit=unfit,
    )


def _restarts(pod: Pod) -> int:
    """How often it was started anew, while its node waits before the next time.

    One that runs, or will at once, may have been renewed, or lost with the machine.
    """
    return max(
        (
            s.restart_count or 0
            for s in pod.status.container_statuses
            if s.state is not None
            and s.state.waiting is not None
            and s.state.waiting.reason == "CrashLoopBackOff"
        ),
        default=0,
    )


def _is_between_runs(pod: Pod) -> bool:
    return any(
        (s.restart_count or s.last_state is not None)
        and (s.state is None or s.state.running is None)
        for s in pod.status.container_statuses
    )
