"""What is known about each Ingress: compiled, proven to be served, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.networking import Ingress
from wakeful.apis.networking.gateway_role import ServingPhase, ServingState
from wakeful.gateway.plan import IngressKey, RouteTable

_PENDING = ServingState(ServingPhase.PENDING)
_SERVED = ServingState(ServingPhase.SERVED)


@dataclass(slots=True)
class _Entry:
    uid: str
    generation: int | None
    version: str
    proven: str = ""
    state: ServingState = _PENDING


class Ledger:
    """Keeps one entry for each Ingress and tells listeners what changed."""

    def __init__(self) -> None:
        self._entries: dict[IngressKey, _Entry] = {}
        self._listeners: list[Callable[[NamespacedName], None]] = []

    def on_change(self, listener: Callable[[NamespacedName], None]) -> None:
        """Call ``listener`` whenever the state of an Ingress changed."""
        self._listeners.append(listener)

    def version(self, key: IngressKey) -> str:
        """The version of the table that was proven last; empty when none was."""
        entry = self._entries.get(key)
        return entry.proven if entry is not None else ""

    def state(self, ingress: Ingress) -> ServingState:
        """How far this very generation is."""
        entry = self._entries.get(IngressKey(ingress.metadata.namespace, ingress.metadata.name))
        if entry is None or entry.uid != ingress.metadata.uid:
            return _SERVED if ingress.is_ready else _PENDING
        return entry.state if entry.generation == ingress.metadata.generation else _PENDING

    def compiled(self, key: IngressKey, ingress: Ingress, table: RouteTable) -> None:
        """The Ingress became this table; if that is in force already, nothing is to be proven.

        Neither is it for one that is Ready for this generation when it is first seen: that was
        proven before a restart. Upstream's gateways go by it likewise.
        """
        uid, generation = ingress.metadata.uid, ingress.metadata.generation
        entry = self._entries.get(key)
        if entry is None or entry.uid != uid:
            entry = self._entries[key] = _Entry(uid, generation, table.version)
            if ingress.is_ready:
                entry.proven, entry.state = table.version, _SERVED
            return
        moved = entry.generation != generation
        entry.generation, entry.version = generation, table.version
        if entry.proven != table.version:
            entry.state = _PENDING
        elif moved or entry.state.phase is not ServingPhase.SERVED:
            entry.state = _SERVED
            self._tell(key)

    def served(self, key: IngressKey, table: RouteTable) -> None:
        """The listeners answered with this table's version."""
        entry = self._entries.get(key)
        if entry is None or entry.version != table.version:
            return
        entry.proven = table.version
        entry.state = _SERVED
        self._tell(key)

    def refuse(self, key: IngressKey, reason: str, message: str) -> None:
        """It cannot be served as it is."""
        entry = self._entries.get(key)
        state = ServingState(ServingPhase.REFUSED, reason, message)
        if entry is not None and entry.state != state:
            entry.state = state
            self._tell(key)

    def forget(self, key: IngressKey) -> None:
        """The Ingress is gone, or not ours any more."""
        self._entries.pop(key, None)

    def _tell(self, key: IngressKey) -> None:
        for listener in self._listeners:
            listener(NamespacedName(key.namespace, key.name))
