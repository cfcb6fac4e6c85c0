"""Empties namespaces that are being deleted, then lets them go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from wakeful.aio import Clock
from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core import Namespace
from wakeful.apis.core.namespace_types import KUBERNETES_FINALIZER
from wakeful.client import Change, Client, Informer
from wakeful.controller import WorkQueue
from wakeful.reconciler.core.namespace.conditions import report
from wakeful.reconciler.core.namespace.contents import Collection, Remains, empty_namespace

_log = structlog.get_logger("wakeful.reconciler.namespace")
_LAST = ("", "events")
GRACE_SECONDS = 5.0
"""That long Kubernetes waits before it looks into a namespace that is being deleted."""


class NamespaceTerminator:
    """Deletes the content of terminating namespaces through the API, finalizers and all.

    What has a finalizer, or a grace period, is waited for with growing patience. A namespace keeps
    its content for the first seconds, as on any cluster: ``kubectl delete -f`` of a file that
    begins with its namespace still finds the rest of the file.
    """

    name = "namespace-terminator"

    def __init__(
        self,
        client: Client,
        namespaces: Informer[Namespace],
        collections: Callable[[], Iterable[Collection]],
        clock: Clock,
        *,
        grace_seconds: float = GRACE_SECONDS,
        workers: int = 4,
    ) -> None:
        self._grace = grace_seconds
        self._client, self._namespaces = client, namespaces
        self._collections, self._clock, self._workers = collections, clock, workers
        self._queue: WorkQueue[NamespacedName] = WorkQueue(base=0.02, cap=2.0)
        namespaces.add_handler(self._on_change)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"{self.name}:{number}")
        finally:
            self._queue.close()

    def _on_change(self, change: Change[Namespace]) -> None:
        if change.new is not None and change.new.is_deleting:
            self._queue.add_after(change.new.key, self._left(change.new))

    def _left(self, namespace: Namespace) -> float:
        since = namespace.metadata.deletion_timestamp or self._clock.now()
        return self._grace - (self._clock.now() - since).total_seconds()

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                if await self.terminate(key.name):
                    self._queue.forget(key)
                else:
                    self._queue.add_rate_limited(key)
            except (ConflictError, NotFoundError):
                self._queue.add_rate_limited(key)
            except APIStatusError as err:
                _log.warning("namespace not emptied", namespace=key.name, error=str(err))
                self._queue.add_rate_limited(key)
            finally:
                self._queue.done(key)

    async def terminate(self, name: str) -> bool:
        """Empty one namespace as far as it goes; says whether nothing is left to do."""
        namespace = await self._client.find(Namespace, name)
        if namespace is None or not namespace.is_deleting:
            return True
        if KUBERNETES_FINALIZER not in namespace.spec.finalizers:
            return True  # somebody else's finalizer: theirs to remove
        collections = sorted(self._collections(), key=lambda c: (c.group, c.plural) == _LAST)
        remains = await empty_namespace(self._client.transport, name, collections)
        if remains:
            await self._report(namespace, remains)
            return False
        await self._finalize(namespace)
        return True

    async def _report(self, namespace: Namespace, remains: Remains) -> None:
        before = namespace.status.to_wire()
        report(namespace.status, remains, self._clock.now())
        if namespace.status.to_wire() != before:
            await self._client.update_status(namespace)

    async def _finalize(self, namespace: Namespace) -> None:
        wire = namespace.to_wire()
        rest = [f for f in namespace.spec.finalizers if f != KUBERNETES_FINALIZER]
        wire["spec"] = {"finalizers": rest} if rest else {}
        await self._client.transport.call(
            APIRequest(
                Verb.UPDATE,
                "",
                "v1",
                "namespaces",
                name=namespace.metadata.name,
                subresource="finalize",
                body=wire,
            )
        )
