"""Says of a source whose service nobody reads that it is so."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.sources import AliTablestoreSource, MnsOssSource
from wakeful.controller import Result
from wakeful.reconciler.sources.parts import SourceParts


class UnservedSourceReconciler:
    """Resolves the sink, so that a wrong one shows, and says that there is no adapter."""

    def __init__(self, parts: SourceParts) -> None:
        self._parts = parts

    async def reconcile_kind(self, source: MnsOssSource | AliTablestoreSource) -> Result | None:
        """Bring the status up to date."""
        await self._parts.sinks.provide(source, source.spec.source_spec().sink, source.status)
        source.status.mark_no_adapter(source.service)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)
