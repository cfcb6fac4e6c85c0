"""Forgets events after an hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from wakeful.aio import Clock
from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.request import APIRequest, Transport, Verb

_log = structlog.get_logger("wakeful.reconciler.events")
_TIMES = ("lastTimestamp", "eventTime", "firstTimestamp")


class EventExpiry:
    """Deletes events that were last seen too long ago."""

    name = "event-expiry"

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        *,
        lifetime: timedelta = timedelta(hours=1),
        every_seconds: float = 300,
    ) -> None:
        self._transport, self._clock = transport, clock
        self._lifetime, self._every_seconds = lifetime, every_seconds

    async def run(self) -> None:
        """Sweep now and then until cancelled."""
        while True:
            await self._clock.sleep(self._every_seconds)
            try:
                await self.sweep()
            except APIStatusError as err:
                _log.warning("events not swept", error=str(err))

    async def sweep(self) -> int:
        """Delete what is too old; say how many."""
        oldest = self._clock.now() - self._lifetime
        answer = await self._transport.call(APIRequest(Verb.LIST, "", "v1", "events"))
        stale = [e["metadata"] for e in answer.get("items") or () if last_seen(e) < oldest]
        for meta in stale:
            request = APIRequest(
                Verb.DELETE, "", "v1", "events", namespace=meta["namespace"], name=meta["name"]
            )
            try:
                await self._transport.call(request)
            except NotFoundError:
                continue
        return len(stale)


def last_seen(event: Mapping[str, Any]) -> datetime:
    """When an event was last seen, or else made."""
    series = event.get("series") or {}
    text = series.get("lastObservedTime") or next((event[t] for t in _TIMES if event.get(t)), "")
    moment: datetime = parse_time(text or event["metadata"]["creationTimestamp"])
    return moment
