"""What the reconcilers of sources have in common."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apis.sources import Adapters
from wakeful.reconciler.sources.eventtypes import EventTypes
from wakeful.reconciler.sources.sinks import Sinks


@dataclass(frozen=True, slots=True)
class SourceParts:
    """Sinks, adapters and the registry."""

    sinks: Sinks
    adapters: Adapters
    event_types: EventTypes
