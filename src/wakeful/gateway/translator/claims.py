"""Which tables dispute a host: found out at once when, as almost always, none do."""

from __future__ import annotations

from collections.abc import Mapping
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

    def resolve(
        self, tables: Mapping[IngressKey, RouteTable]
    ) -> tuple[Mapping[IngressKey, RouteTable], list[HostConflict]]:
        """See :func:`~wakeful.gateway.translator.routes.resolve_conflicts`."""
        known = self._claims
        self._claims = claims = {
            key: claim if (claim := known.get(key)) and claim.table is table else _claims_of(table)
            for key, table in tables.items()
        }
        hosts = set[str]().union(*(claim.hosts for claim in claims.values()))
        disputed = len(hosts) != sum(len(claim.hosts) for claim in claims.values())
        if disputed or not all(claim.plain for claim in claims.values()):
            return resolve_conflicts(tables.values())
        return tables, []


def _claims_of(table: RouteTable) -> _Claims:
    named = [(rule.visibility.value, host) for rule in table.rules for host in rule.hosts]
    hosts = frozenset(f"{visibility} {host.lower()}" for visibility, host in named)
    plain = len(hosts) == len(named) and all(host == host.lower() for _, host in named)
    return _Claims(table, hosts, plain)
