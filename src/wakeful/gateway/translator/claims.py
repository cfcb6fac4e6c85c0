"""Which tables dispute a host: found out at once when, as almost always, none do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wakeful.gateway.plan import IngressKey, RouteTable
from wakeful.gateway.translator.routes import HostConflict, resolve_conflicts


@dataclass(frozen=True, slots=True)
class _Claims:
    """The hosts of one table."""

    table: RouteTable
    hosts: frozenset[str]
    plain: bool
    """Each is named once, in lower case: nothing is to be done about them."""


class HostClaims:
    """Remembers what was claimed, so that only tables that changed are looked into."""

    def __init__(self) -> None:
        self._claims: dict[IngressKey, _Claims] = {}
        self._wanted = Counter[str]()
        """How many tables want a host."""
        self._disputed: set[str] = set()
        self._irregular: set[IngressKey] = set()

    def resolve(
        self, tables: Mapping[IngressKey, RouteTable]
    ) -> tuple[Mapping[IngressKey, RouteTable], list[HostConflict]]:
        """See :func:`~wakeful.gateway.translator.routes.resolve_conflicts`."""
        self.renew(tables, self._claims.keys() | tables.keys())
        if self.settled:
            return tables, []
        return resolve_conflicts(tables.values())

    @property
    def settled(self) -> bool:
        """Whether there is nothing to be done about any host."""
        return not self._disputed and not self._irregular

    def renew(self, tables: Mapping[IngressKey, RouteTable], keys: Iterable[IngressKey]) -> None:
        """Take in that the tables of these keys may have changed, come or gone."""
        for key in list(keys):
            known, table = self._claims.get(key), tables.get(key)
            if known is not None and known.table is table:
                continue
            self._withdraw(key)
            if table is not None:
                self._claim(key, table)

    def _claim(self, key: IngressKey, table: RouteTable) -> None:
        claims = self._claims[key] = _claims_of(table)
        if not claims.plain:
            self._irregular.add(key)
        self._wanted.update(claims.hosts)
        self._disputed.update(host for host in claims.hosts if self._wanted[host] > 1)

    def _withdraw(self, key: IngressKey) -> None:
        claims = self._claims.pop(key, None)
        if claims is None:
            return
        self._irregular.discard(key)
        for host in claims.hosts:
            self._wanted[host] -= 1
            if self._wanted[host] < 2:
                self._disputed.discard(host)
            if not self._wanted[host]:
                del self._wanted[host]


def _claims_of(table: RouteTable) -> _Claims:
    named = [(rule.visibility.value, host) for rule in table.rules for host in rule.hosts]
    hosts = frozenset(f"{visibility} {host.lower()}" for visibility, host in named)
    plain = len(hosts) == len(named) and all(host == host.lower() for _, host in named)
    return _Claims(table, hosts, plain)
