"""A source on a schedule is ready when its sink is known and its adapter ticks."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.batch.cron import parse_schedule
from wakeful.apis.duck import CloudEventAttributes
from wakeful.apis.sources import CronJobSource, PingSource, register
from wakeful.controller import Result
from wakeful.reconciler.sources.parts import SourceParts

ADAPTER = "pingsource-mt-adapter"
"""Upstream's Deployment of all PingSources; here a task, which goes by its name in messages."""


class PingSourceReconciler:
    """Resolves the sink and reports on the adapter."""

    def __init__(self, parts: SourceParts) -> None:
        self._parts = parts

    async def reconcile_kind(self, source: PingSource) -> Result | None:
        """Bring the status up to date."""
        status = source.status
        status.mark_no_oidc()
        if not await self._parts.sinks.provide(source, source.spec.sink, status):
            return None
        status.propagate_adapter(self._parts.adapters.state(source), ADAPTER)
        status.ce_attributes = [
            CloudEventAttributes(type=register.PING_TYPE, source=source.event_source)
        ]
        await self._parts.event_types.reconcile(source, source.spec.sink, status.ce_attributes)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)


class CronJobSourceReconciler:
    """Resolves the sink and reports on the adapter."""

    def __init__(self, parts: SourceParts) -> None:
        self._parts = parts

    async def reconcile_kind(self, source: CronJobSource) -> Result | None:
        """Bring the status up to date."""
        status, sink = source.status, source.spec.source_spec().sink
        try:
            parse_schedule(source.spec.schedule)
        except ValueError as err:
            status.mark_invalid_schedule(str(err))
            return None
        status.mark_schedule()
        if not await self._parts.sinks.provide(source, sink, status):
            return None
        name = f"cronjobsource-{source.metadata.name}-{source.metadata.uid}"
        status.propagate_adapter(self._parts.adapters.state(source), name)
        status.ce_attributes = [
            CloudEventAttributes(type=register.CRONJOB_TYPE, source=source.event_source)
        ]
        await self._parts.event_types.reconcile(source, sink, status.ce_attributes)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)
