"""Feeds the graph: one watch for each collection there is, users' own included."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from wakeful.aio import Backoff, Housekeeping, retry
from wakeful.apimachinery.errors import APIStatusError, ExpiredError, NotFoundError
from wakeful.apimachinery.request import APIRequest, Transport, Verb
from wakeful.apimachinery.watch import EventType
from wakeful.reconciler.core.gc.graph import Graph, parse_node
from wakeful.reconciler.core.namespace.contents import Collection

_log = structlog.get_logger("wakeful.reconciler.gc")

_PAGE = "50"
"""Objects that are read at a time."""

Attend = Callable[[Iterable[str]], None]


class GraphMonitor:
    """Watches metadata only, so that it costs little; :meth:`follow` says what to watch."""

    name = "garbage-collector:monitor"

    def __init__(
        self, transport: Transport, graph: Graph, attend: Attend, housekeeping: Housekeeping
    ) -> None:
        self._transport, self._graph, self._attend = transport, graph, attend
        self._housekeeping = housekeeping
        self._wanted: set[Collection] = set()
        self._changed = asyncio.Event()
        self._listed: set[Collection] = set()
        """Collections that were listed before."""

    def follow(self, collections: Iterable[Collection]) -> None:
        """Watch exactly these collections from now on."""
        wanted = set(collections)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Keep a watch open for every collection until cancelled."""
        running: dict[Collection, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for collection in self._wanted - running.keys():
                    task = group.create_task(self._keep(collection), name=f"gc:{collection}")
                    running[collection] = task
                for collection in running.keys() - self._wanted:
                    running.pop(collection).cancel()
                    for node in self._graph.of(collection):
                        self._attend(self._graph.remove(node.uid))
                await self._changed.wait()
                self._changed.clear()

    async def _keep(self, collection: Collection) -> None:
        backoff = Backoff(base=0.05, cap=10)

        async def list_and_watch() -> None:
            version = ""
            while True:
                try:
                    if not version:
                        version = await self._list(collection)
                        backoff.reset()
                    version = await self._watch(collection, version)
                except ExpiredError:
                    version = ""

        def tell(err: Exception, delay: float) -> None:
            if not isinstance(err, NotFoundError):
                _log.warning("watch failed", collection=str(collection), error=str(err))

        trouble = (TimeoutError, APIStatusError, OSError)
        await retry(list_and_watch, trouble, backoff=backoff, tell=tell)

    async def _list(self, collection: Collection) -> str:
        # The first time there is nobody of it who could be gone.
        known = self._graph.of(collection) if collection in self._listed else ()
        gone = {node.uid for node in known}
        version, params = "", {"limit": _PAGE}
        while True:
            # Whole objects are read for their metadata, and nobody waits for any of it.
            async with self._housekeeping.turn():
                answer = await self._transport.call(self._request(Verb.LIST, collection, params))
                for obj in answer.get("items") or ():
                    node = parse_node(collection, obj)
                    gone.discard(node.uid)
                    self._attend(self._graph.observe(node))
            metadata = answer["metadata"]
            version = version or metadata.get("resourceVersion", "")
            if not metadata.get("continue"):
                break
            params = {"limit": _PAGE, "continue": metadata["continue"]}
            await asyncio.sleep(0)
        for uid in gone:
            self._attend(self._graph.remove(uid))
        self._listed.add(collection)
        return version

    async def _watch(self, collection: Collection, version: str) -> str:
        params = {"resourceVersion": version, "allowWatchBookmarks": "true"}
        request = self._request(Verb.WATCH, collection, params)
        async with self._transport.watch(request) as events:
            async for event in events:
                version = event.object["metadata"].get("resourceVersion", version)
                if event.type in (EventType.ADDED, EventType.MODIFIED):
                    self._attend(self._graph.observe(parse_node(collection, event.object)))
                elif event.type == EventType.DELETED:
                    self._attend(self._graph.remove(event.object["metadata"]["uid"]))
        return version

    @staticmethod
    def _request(
        verb: Verb, collection: Collection, params: dict[str, str] | None = None
    ) -> APIRequest:
        group, version, plural = collection.group, collection.version, collection.plural
        return APIRequest(verb, group, version, plural, params=params or {})
