"""Freezing and thawing instances: a word on the Pod, which the node acts upon."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.meta import NamespacedName, format_time, parse_time
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import FROZEN_ANNOTATION
from wakeful.apis.serving import register
from wakeful.client import Client, Informer

_BY_REVISION = "kpa:revision"


class FrozenPods:
    """Knows the instances of each revision, and which of them are frozen."""

    def __init__(self, client: Client, pods: Informer[Pod]) -> None:
        self._client, self._pods = client, pods
        pods.add_index(_BY_REVISION, _revision_of)

    def instances(self, revision: NamespacedName) -> list[Pod]:
        """Pods of a revision that are not on their way out."""
        return [pod for pod in self._pods.by_index(_BY_REVISION, str(revision)) if pod.is_active]

    def frozen_since(self, revision: NamespacedName) -> float | None:
        """When the instance that is frozen was; None when none is."""
        texts = [p.metadata.annotations.get(FROZEN_ANNOTATION) for p in self.instances(revision)]
        return max((parse_time(text).timestamp() for text in texts if text), default=None)

    async def freeze(self, revision: NamespacedName, now: datetime) -> None:
        """Have the node freeze the revision's instances."""
        for pod in self.instances(revision):
            if FROZEN_ANNOTATION not in pod.metadata.annotations:
                await self._write(pod, format_time(now))

    async def thaw(self, revision: NamespacedName) -> bool:
        """Have the node thaw them; says whether there was anything to do."""
        frozen = [
            pod for pod in self.instances(revision) if FROZEN_ANNOTATION in pod.metadata.annotations
        ]
        for pod in frozen:
            await self._write(pod, None)
        return bool(frozen)

    async def _write(self, pod: Pod, value: str | None) -> None:
        meta = pod.metadata
        patch = {"metadata": {"annotations": {FROZEN_ANNOTATION: value}, "uid": meta.uid}}
        with suppress(NotFoundError):
            await self._client.patch(Pod, meta.name, meta.namespace, patch)


def _revision_of(pod: Pod) -> tuple[str, ...]:
    name = pod.metadata.labels.get(register.REVISION)
    return (f"{pod.metadata.namespace}/{name}",) if name else ()
