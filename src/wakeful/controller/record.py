"""Events: what ``kubectl describe`` shows below an object."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog

from wakeful.aio import Clock, RightOfWay, SystemClock
from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apimachinery.meta import Object, format_time
from wakeful.apimachinery.request import APIRequest, PatchType, Transport, Verb

log = structlog.get_logger("wakeful.controller.record")


class EventType(StrEnum):
    """The two types of events."""

    NORMAL = "Normal"
    WARNING = "Warning"


_SERIES_KEPT = 4096
_MESSAGES_KEPT = 10
"""So many messages of one reason about one object are events of their own, as upstream."""
_LONGEST_MESSAGE = 1024
_COMBINED = "(combined from similar events): "


@dataclass(slots=True)
class _Series:
    name: str
    namespace: str
    count: int
    last: float


@dataclass(slots=True)
class _Similar:
    """Events that differ in their message only."""

    messages: set[str] = field(default_factory=set)
    last: float = 0.0


class EventRecorder:
    """Records events without holding up the caller; equal ones are counted, not repeated.

    Those that differ in their message only are counted in one event from the tenth message on, so
    that a reason that names something new each time is no flood.

    A bounded queue sits between: when the API is too slow for the flood, the newest events are
    dropped, never the reconciler's time. :meth:`run` writes them and belongs to a TaskGroup.
    """

    def __init__(
        self,
        transport: Transport,
        component: str,
        *,
        clock: Clock | None = None,
        capacity: int = 1000,
        series_seconds: float = 600,
        lag_seconds: float = 0.05,
        right_of_way: RightOfWay | None = None,
    ) -> None:
        self._transport, self._component = transport, component
        self._clock = clock or SystemClock()
        self._right_of_way = right_of_way or RightOfWay()
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(capacity)
        self._series: dict[str, _Series] = {}
        """What was written, the latest last."""
        self._similar: dict[str, _Similar] = {}
        self._series_seconds, self._lag_seconds = series_seconds, lag_seconds

    def normal(self, about: Object, reason: str, message: str) -> None:
        """Something went as wished."""
        self._record(about, EventType.NORMAL, reason, message)

    def warning(self, about: Object, reason: str, message: str) -> None:
        """Something went wrong."""
        self._record(about, EventType.WARNING, reason, message)

    async def run(self) -> None:
        """Write events for ever, each a moment late: what it tells of goes on meanwhile."""
        while True:
            event = await self._queue.get()
            await asyncio.sleep(self._lag_seconds)
            await self._try_write(event)
            while not self._queue.empty():
                await self._try_write(self._queue.get_nowait())

    async def _try_write(self, event: dict[str, Any]) -> None:
        await self._right_of_way.give_way()
        try:
            await self._write(event)
        except APIStatusError as err:
            log.debug("event not written", error=err.message, reason=event["reason"])

    def _record(self, about: Object, kind: EventType, reason: str, message: str) -> None:
        now = format_time(self._clock.now())
        meta = about.metadata
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": meta.namespace or "default"},
            "involvedObject": {
                "apiVersion": about.gvk.api_version,
                "kind": about.gvk.kind,
                "namespace": meta.namespace,
                "name": meta.name,
                "uid": meta.uid,
                "resourceVersion": meta.resource_version,
            },
            "type": str(kind),
            "reason": reason,
            "message": message[:_LONGEST_MESSAGE],
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            log.warning("event dropped", reason=reason, object=str(about))

    async def _write(self, event: dict[str, Any]) -> None:
        about = event["involvedObject"]
        now = self._clock.monotonic()
        same = (about["uid"], about["name"], event["type"], event["reason"])
        if self._is_flood(_digest(*same), event["message"], now):
            event["message"] = f"{_COMBINED}{event['message']}"[:_LONGEST_MESSAGE]
            digest = _digest(*same)
        else:
            digest = _digest(*same, event["message"])
        series = self._series.pop(digest, None)
        if series is not None and now - series.last < self._series_seconds:
            series.last = now
            series.count += 1
            patch = {key: event[key] for key in ("lastTimestamp", "message")}
            patch["count"] = series.count
            try:
                await self._transport.call(
                    self._request(Verb.PATCH, series.namespace, series.name, patch)
                )
            except NotFoundError:
                pass  # forgotten by the server: begin anew
            else:
                self._series[digest] = series
                return
        namespace = event["metadata"]["namespace"]
        event["metadata"]["name"] = f"{about['name'][:200]}.{digest}{int(now * 1000):x}"
        await self._transport.call(self._request(Verb.CREATE, namespace, "", event))
        self._series[digest] = _Series(event["metadata"]["name"], namespace, 1, now)
        if len(self._series) > _SERIES_KEPT:
            del self._series[next(iter(self._series))]

    def _is_flood(self, group: str, message: str, now: float) -> bool:
        """Whether ``message`` is one of many that the group had of late."""
        similar = self._similar.pop(group, None)
        if similar is None or now - similar.last >= self._series_seconds:
            similar = _Similar()
        similar.last = now
        self._similar[group] = similar
        if len(self._similar) > _SERIES_KEPT:
            del self._similar[next(iter(self._similar))]
        if message in similar.messages:
            return False
        if len(similar.messages) >= _MESSAGES_KEPT:
            return True
        similar.messages.add(message)
        return False

    @staticmethod
    def _request(verb: Verb, namespace: str, name: str, body: Any) -> APIRequest:
        return APIRequest(
            verb,
            "",
            "v1",
            "events",
            namespace=namespace,
            name=name,
            body=body,
            patch_type=PatchType.MERGE if verb is Verb.PATCH else None,
        )


def _digest(*words: str) -> str:
    return hashlib.blake2s("\0".join(words).encode(), digest_size=8).hexdigest()
