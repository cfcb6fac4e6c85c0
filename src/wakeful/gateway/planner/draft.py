"""The next plan while it is drawn up, and in what it differs from the last. Pure.

Of thousands of tables and backends few change from one plan to the next: nobody looks at the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from wakeful.gateway.plan import (
    BackendKey,
    Certificate,
    Endpoint,
    IngressKey,
    Plan,
    RequestLog,
    RevisionBackend,
    RevisionKey,
    RouteTable,
    ServiceBackend,
    ServiceKey,
    Touched,
    Tracing,
)

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Watching:
    """What requests leave behind."""

    request_log: RequestLog | None = None
    tracing: Tracing | None = None
    request_stats: bool = False


class Backends(Protocol):
    """Knows what backends are."""

    def revision_backend(self, key: RevisionKey) -> RevisionBackend | None:
        """A revision's limits, or None when nothing is known of it."""
        ...

    def service_backend(self, key: ServiceKey) -> ServiceBackend | None:
        """A plain Service, or None when there is none."""
        ...

    def endpoints(self, key: BackendKey) -> Collection[Endpoint]:
        """The instances there are, those that are leaving included."""
        ...


class Draft:
    """Tables, the backends they send to, and which of both were touched since the last plan.

    Plans share its mappings: nothing may be changed while one is being published.
    """

    def __init__(self, backends: Backends) -> None:
        self.tables: dict[IngressKey, RouteTable] = {}
        self.revisions: dict[RevisionKey, RevisionBackend] = {}
        self.services: dict[ServiceKey, ServiceBackend] = {}
        self.lingering: set[RevisionKey] = set()
        """Revisions that nothing leads to any more, and that have instances."""
        self._backends = backends
        self._users = Counter[BackendKey]()
        """How many tables send to a backend."""
        self._touched_tables: set[IngressKey] = set()
        self._touched_backends: set[BackendKey] = set()

    @property
    def touched_tables(self) -> frozenset[IngressKey]:
        """Tables that may differ from those of the last plan."""
        return frozenset(self._touched_tables)

    def put(self, key: IngressKey, table: RouteTable) -> None:
        """Plan a table, in the place of the one there was."""
        self.withdraw(key)
        self.tables[key] = table
        self._users.update(table.backends())
        self.touch(table.backends())

    def withdraw(self, key: IngressKey) -> None:
        """Plan without a table."""
        self._touched_tables.add(key)
        table = self.tables.pop(key, None)
        if table is not None:
            self._users.subtract(table.backends())
            self.touch(table.backends())

    def touch(self, backends: Iterable[BackendKey]) -> None:
        """Look at backends again: they may be other than they were."""
        self._touched_backends.update(backends)

    def backends(self) -> set[BackendKey]:
        """Everything that tables send to."""
        return set(+self._users)

    def take(
        self,
        addresses: Mapping[ServiceKey, str],
        node_ports: Mapping[ServiceKey, int],
        certificates: tuple[Certificate, ...],
        watching: Watching,
    ) -> tuple[Plan, list[BackendKey]]:
        """Return the plan as it is now, and the backends that no plan had before."""
        touched = Touched(self.touched_tables, frozenset(self._touched_backends))
        self._touched_tables.clear()
        self._touched_backends.clear()
        fresh = [
            key
            for key in touched.backends
            if self._renew(key, used=key in addresses or key in node_ports)
        ]
        plan = Plan(
            self.tables,
            self.revisions,
            self.services,
            addresses,
            node_ports,
            certificates,
            watching.request_log,
            watching.tracing,
            watching.request_stats,
            touched,
        )
        return plan, fresh

    def _renew(self, key: BackendKey, *, used: bool) -> bool:
        """Look at one backend; tell whether it is there now and was not before."""
        if self._users[key]:
            used = True
        else:
            del self._users[key]
        if isinstance(key, RevisionKey):
            return _keep(self.revisions, key, self._revision(key, used=used))
        return _keep(self.services, key, self._backends.service_backend(key) if used else None)

    def _revision(self, key: RevisionKey, *, used: bool) -> RevisionBackend | None:
        """A revision as it is to be planned.

        One that nothing leads to any more stays while it has instances: without its cluster, nobody
        would see the requests that are in flight there, and it would be ended under them. A
        revision that was deleted stays as it was.
        """
        last = self.revisions.get(key)
        lingers = not used and last is not None and bool(self._backends.endpoints(key))
        if lingers:
            self.lingering.add(key)
        else:
            self.lingering.discard(key)
        if not used and not lingers:
            return None
        return self._backends.revision_backend(key) or (last if lingers else None)


def _keep(known: dict[K, V], key: K, value: V | None) -> bool:
    """Have ``known`` say ``value``, or nothing; tell whether the key is new to it."""
    if value is None:
        known.pop(key, None)
        return False
    new = key not in known
    known[key] = value
    return new
