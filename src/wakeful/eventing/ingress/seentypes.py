"""Which kinds of events came in since the start, for the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wakeful.cloudevents import Event

_MOST = 2000
"""Kinds that are remembered; whoever makes up a type for each event fills nobody's memory."""

SeenType = tuple[str, str, str, str]
"""Owner of the address, type, source, schema."""


def _nothing() -> None:
    return


@dataclass(slots=True)
class SeenTypes:
    """A bounded set that tells of additions."""

    on_new: Callable[[], None] = _nothing
    _seen: dict[SeenType, None] = field(default_factory=dict)

    def see(self, owner: str, event: Event) -> None:
        """An event was accepted at an address."""
        found = (owner, event.type, event.source, event.dataschema or "")
        if found in self._seen or len(self._seen) >= _MOST:
            return
        self._seen[found] = None
        self.on_new()

    def list(self) -> list[SeenType]:
        """All of them, the first one first."""
        return list(self._seen)
