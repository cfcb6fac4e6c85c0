"""Looks at objects whose owners changed, and deletes, waits or lets go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.request import APIRequest, PatchType, Transport, Verb
from wakeful.controller import WorkQueue
from wakeful.reconciler.core.gc.graph import FOREGROUND, ORPHAN, Graph, Node, Owner
from wakeful.reconciler.core.namespace.contents import Collection

_log = structlog.get_logger("wakeful.reconciler.gc")

Resolve = Callable[[GroupVersionKind], tuple[Collection, bool] | None]
"""The collection of a kind and whether it is namespaced; None for a kind that is not served."""


class GarbageCollector:
    """Works through objects that the graph pointed at.

    Background, foreground and orphaning deletion as Kubernetes has them: a dependent goes when none
    of its owners exists any longer; an owner in foreground deletion waits for those that block it.
    """

    name = "garbage-collector"

    def __init__(
        self, transport: Transport, graph: Graph, resolve: Resolve, *, workers: int = 4
    ) -> None:
        self._transport, self._graph, self._resolve = transport, graph, resolve
        self._workers = workers
        self._queue: WorkQueue[str] = WorkQueue(base=0.02, cap=30.0)

    def attend(self, uids: Iterable[str]) -> None:
        """Have objects looked at."""
        for uid in uids:
            self._queue.add(uid)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"{self.name}:{number}")
        finally:
            self._queue.close()

    async def _work(self) -> None:
        while True:
            uid = await self._queue.get()
            try:
                await self.process(uid)
            except (ConflictError, NotFoundError):
                self._queue.add_rate_limited(uid)
            except APIStatusError as err:
                delay = self._queue.add_rate_limited(uid)
                _log.warning("object not collected", uid=uid, error=str(err), retry_seconds=delay)
            else:
                self._queue.forget(uid)
            finally:
                self._queue.done(uid)

    async def process(self, uid: str) -> None:
        """Look at one object."""
        node = self._graph.get(uid)
        if node is None:
            return
        if node.orphans_dependents:
            await self._orphan(node)
            return
        if node.deletes_dependents:
            await self._delete_dependents(node)
            return
        if node.is_deleting or not node.owners:
            return
        await self._judge(node)

    async def _judge(self, node: Node) -> None:
        """Delete a dependent without owners; drop references to owners that are gone."""
        solid, gone, waiting = 0, set[str](), set[str]()
        for owner in node.owners:
            state = await self._state_of(owner, node)
            if state is None:
                solid += 1  # of a kind nobody serves: not ours to judge
            elif state == "gone":
                gone.add(owner.uid)
            elif state == "waiting":
                waiting.add(owner.uid)
            else:
                solid += 1
        if solid:
            if gone or waiting:
                await self._drop_owners(node, gone | waiting)
            return
        if waiting and self._graph.dependents(node.uid):
            await self._delete(node, "Foreground")
            return
        await self._delete(node, _policy(node))

    async def _state_of(self, owner: Owner, node: Node) -> str | None:
        known = self._graph.get(owner.uid)
        if known is not None:
            return "waiting" if known.deletes_dependents else "solid"
        gvk = GroupVersionKind.parse(owner.api_version, owner.kind)
        found = self._resolve(gvk)
        if found is None:
            return None
        collection, namespaced = found
        request = APIRequest(
            Verb.GET,
            collection.group,
            collection.version,
            collection.plural,
            namespace=node.namespace if namespaced else "",
            name=owner.name,
        )
        if namespaced and not node.namespace:
            return "gone"  # a cluster-scoped object cannot belong to a namespaced one
        try:
            live = await self._transport.call(request)
        except NotFoundError:
            return "gone"
        meta = live["metadata"]
        if meta["uid"] != owner.uid:
            return "gone"
        deleting = "deletionTimestamp" in meta
        return "waiting" if deleting and FOREGROUND in (meta.get("finalizers") or ()) else "solid"

    async def _delete_dependents(self, node: Node) -> None:
        dependents = self._graph.dependents(node.uid)
        blocking = [d for d in dependents if d.blocks(node.uid)]
        if not blocking:
            await self._drop_finalizer(node, FOREGROUND)
        for dependent in dependents:
            if not dependent.is_deleting:
                self._queue.add(dependent.uid)

    async def _orphan(self, node: Node) -> None:
        for dependent in self._graph.dependents(node.uid):
            await self._drop_owners(dependent, {node.uid})
        await self._drop_finalizer(node, ORPHAN)

    # --- writes -----------------------------------------------------------------------------------

    async def _delete(self, node: Node, policy: str) -> None:
        options = {"propagationPolicy": policy, "preconditions": {"uid": node.uid}}
        try:
            await self._call(Verb.DELETE, node, body=options)
        except (NotFoundError, ConflictError):
            return  # gone, or a namesake now: its own events tell
        _log.debug("dependent deleted", kind=node.collection.plural, name=node.name, policy=policy)

    async def _drop_owners(self, node: Node, uids: set[str]) -> None:
        live = await self._live(node)
        if live is None:
            return
        meta = live["metadata"]
        rest = [r for r in meta.get("ownerReferences") or () if r.get("uid") not in uids]
        if len(rest) != len(meta.get("ownerReferences") or ()):
            await self._patch(node, {"ownerReferences": rest or None}, meta["resourceVersion"])

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        live = await self._live(node)
        if live is None:
            return
        meta = live["metadata"]
        rest = [f for f in meta.get("finalizers") or () if f != finalizer]
        if len(rest) != len(meta.get("finalizers") or ()):
            await self._patch(node, {"finalizers": rest or None}, meta["resourceVersion"])

    async def _live(self, node: Node) -> dict[str, Any] | None:
        try:
            live = await self._call(Verb.GET, node)
        except NotFoundError:
            return None
        return live if live["metadata"]["uid"] == node.uid else None

    async def _patch(self, node: Node, metadata: dict[str, Any], version: str) -> None:
        body = {"metadata": {**metadata, "resourceVersion": version}}
        await self._call(Verb.PATCH, node, body=body, patch_type=PatchType.MERGE)

    async def _call(self, verb: Verb, node: Node, **rest: Any) -> dict[str, Any]:
        collection = node.collection
        return await self._transport.call(
            APIRequest(
                verb,
                collection.group,
                collection.version,
                collection.plural,
                namespace=node.namespace,
                name=node.name,
                **rest,
            )
        )


def _policy(node: Node) -> str:
    if ORPHAN in node.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in node.finalizers else "Background"
