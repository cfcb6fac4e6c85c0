"""Finding a source's sink and saying so, the same for all sources."""

from __future__ import annotations

import orjson

from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.duck import Addressable, Destination
from wakeful.apis.sources import LivingSourceStatus
from wakeful.controller import EventRecorder
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError


class Sinks:
    """Resolves the sinks of one controller's sources and marks them."""

    def __init__(self, resolver: DestinationResolver, recorder: EventRecorder) -> None:
        self._resolver, self._recorder = resolver, recorder

    async def provide(self, source: Object, sink: Destination, status: LivingSourceStatus) -> bool:
        """Resolve the sink into the status; return whether that went well."""
        self._resolver.forget(source.key)
        try:
            address = await self._resolver.resolve(sink, source)
        except UnresolvedError as err:
            status.mark_no_sink("NotFound", str(err))
            text = orjson.dumps(sink.to_wire()).decode()
            self._recorder.warning(source, "SinkNotFound", f"Sink not found: {text}")
            return False
        status.mark_sink(address)
        return True

    async def find(self, source: Object, sink: Destination) -> Addressable:
        """Where else events of the source go (its dead letter sink); call :meth:`provide` first.

        Raises:
            UnresolvedError: Nobody knows.
        """
        return await self._resolver.resolve(sink, source)

    def forget(self, source: NamespacedName) -> None:
        """The source is gone."""
        self._resolver.forget(source)
