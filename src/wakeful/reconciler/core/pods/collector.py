"""Removes pods whose node is gone: nobody else would ever end them."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Node, Pod
from wakeful.client import Change, Client, Informer
from wakeful.controller import WorkQueue

_log = structlog.get_logger("wakeful.reconciler.pods")
_INDEX = "node"


class PodCollector:
    """Force-deletes pods bound to a node that has not existed for a while."""

    name = "pod-collector"

    def __init__(
        self,
        client: Client,
        pods: Informer[Pod],
        nodes: Informer[Node],
        *,
        patience_seconds: float = 60,
    ) -> None:
        self._client, self._pods, self._nodes = client, pods, nodes
        self._patience_seconds = patience_seconds
        self._queue: WorkQueue[NamespacedName] = WorkQueue(base=1, cap=60)
        pods.add_index(_INDEX, _node_of)
        pods.add_handler(self._on_pod)
        nodes.add_handler(self._on_node)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                key = await self._queue.get()
                try:
                    await self._collect(key)
                except (ConflictError, NotFoundError):
                    pass  # gone already, or a namesake
                except APIStatusError as err:
                    self._queue.add_rate_limited(key)
                    _log.warning("pod not collected", pod=str(key), error=str(err))
                else:
                    self._queue.forget(key)
                finally:
                    self._queue.done(key)
        finally:
            self._queue.close()

    def _on_pod(self, change: Change[Pod]) -> None:
        pod = change.new
        if pod is not None and pod.spec.node_name and self._is_lost(pod):
            self._queue.add_after(pod.key, self._patience_seconds)

    def _on_node(self, change: Change[Node]) -> None:
        if change.new is None:
            for pod in self._pods.by_index(_INDEX, change.object.metadata.name):
                self._queue.add_after(pod.key, self._patience_seconds)

    def _is_lost(self, pod: Pod) -> bool:
        return self._nodes.get(pod.spec.node_name) is None

    async def _collect(self, key: NamespacedName) -> None:
        pod = self._pods.get(key.name, key.namespace)
        if pod is None or not pod.spec.node_name or not self._is_lost(pod):
            return
        await self._client.delete(
            Pod, key.name, key.namespace, uid=pod.metadata.uid, grace_period_seconds=0
        )
        _log.info("pod of a lost node deleted", pod=str(key), node=pod.spec.node_name)


def _node_of(pod: Pod) -> Iterable[str]:
    return (pod.spec.node_name,) if pod.spec.node_name else ()
