"""What the names of ``cluster.local`` stand for. Pure, given lookups."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wakeful.apis.core import Endpoints
from wakeful.apis.core import Service as KubeService
from wakeful.apis.core.service_addresses import has_cluster_address, renames_ports
from wakeful.apis.core.service_types import EXTERNAL_NAME

DOMAIN = "cluster.local"
_MOST_ALIASES = 8


class Outcome(enum.Enum):
    """Whether a name exists, and whether that is for us to say."""

    FOUND = enum.auto()
    MISSING = enum.auto()
    FOREIGN = enum.auto()


@dataclass(frozen=True, slots=True)
class Names:
    """The answer to a question for addresses."""

    outcome: Outcome
    aliases: tuple[tuple[str, str], ...] = ()
    """Names and what they are other names for, in the order in which they were followed."""
    addresses: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        """The name that nobody followed any further; empty without aliases."""
        return self.aliases[-1][1] if self.aliases else ""


class ClusterZone:
    """``<service>.<namespace>.svc.cluster.local``.

    The gateway's names, to which the Services of Routes are aliases, stand for the gateway. Other
    Services stand for their ready instances themselves, which saves a hop; those whose ports are
    not the instances' own, for their cluster IP, where Envoy listens.
    """

    def __init__(
        self,
        service: Callable[[str, str], KubeService | None],
        endpoints: Callable[[str, str], Endpoints | None],
        fixed: Mapping[str, str],
    ) -> None:
        """``service`` and ``endpoints`` look up by name and namespace; ``fixed`` names win."""
        self._service, self._endpoints, self._fixed = service, endpoints, fixed

    def look_up(self, name: str) -> Names:
        """Find the addresses behind a name without trailing dot, in any case of letters."""
        aliases: list[tuple[str, str]] = []
        current = name.lower()
        while len(aliases) < _MOST_ALIASES:
            if current in self._fixed:
                return Names(Outcome.FOUND, tuple(aliases), (self._fixed[current],))
            if current != DOMAIN and not current.endswith(f".{DOMAIN}"):
                # An alias that leads outside is asked about by whoever asked us.
                return Names(Outcome.FOUND if aliases else Outcome.FOREIGN, tuple(aliases))
            service = self._find(current)
            if service is None:
                exists = aliases or self._is_inner(current)
                return Names(Outcome.FOUND if exists else Outcome.MISSING, tuple(aliases))
            if service.spec.type != EXTERNAL_NAME:
                return Names(Outcome.FOUND, tuple(aliases), self._addresses(service))
            target = service.spec.external_name.lower().rstrip(".")
            aliases.append((current, target))
            current = target
        return Names(Outcome.MISSING)

    def _find(self, name: str) -> KubeService | None:
        labels = name.removesuffix(f".{DOMAIN}").split(".")
        if len(labels) != 3 or labels[2] != "svc":
            return None
        return self._service(labels[0], labels[1])

    @staticmethod
    def _is_inner(name: str) -> bool:
        """Whether names lie below this one: it exists, without addresses of its own."""
        return name in (DOMAIN, f"svc.{DOMAIN}")

    def _addresses(self, service: KubeService) -> tuple[str, ...]:
        if has_cluster_address(service) and renames_ports(service):
            return (service.spec.cluster_ip,)
        found = self._endpoints(service.metadata.name, service.metadata.namespace)
        if found is None:
            return ()
        return tuple(
            dict.fromkeys(address.ip for subset in found.subsets for address in subset.addresses)
        )
