"""Where the hosts of URLs lead from outside instances: names of the cluster to addresses. Pure.

Inside an instance, DNS answers for ``cluster.local``. The platform's own processes run on the host,
where nobody does: they ask a :class:`Resolver`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

CLUSTER_DOMAIN = "cluster.local"
_HTTPS = 443

Address = tuple[str, int]
"""An IP address (or a name for the system's own resolver) and a port."""


class Resolver(Protocol):
    """Knows where a URL's host is."""

    def resolve(self, host: str, port: int) -> Address:
        """Return where to connect for ``host``; the Host header stays what it is.

        Raises:
            NoEndpointsError: The name is ours, and nobody is behind it now.
        """
        ...


class NoEndpointsError(LookupError):
    """A Service without a ready endpoint for this port."""


def cluster_name(host: str) -> tuple[str, str] | None:
    """Return (name, namespace) of ``name.namespace.svc[.cluster.local]``, None for other hosts."""
    labels = host.removesuffix(f".{CLUSTER_DOMAIN}").split(".")
    if len(labels) == 3 and labels[2] == "svc":
        return labels[0], labels[1]
    return None


@dataclass(frozen=True, slots=True)
class NameTable:
    """A resolver over plain data.

    What is in ``services`` are plain Kubernetes Services: their ready endpoints take turns. Every
    other name of the cluster is a host of the gateway (Routes, brokers, channels), reached at its
    cluster-local listener.
    """

    gateway: Address
    services: Mapping[tuple[str, str], Mapping[int, Sequence[Address]]] = field(
        default_factory=dict
    )
    """(name, namespace) to Service port to endpoints."""
    gateway_tls: Address | None = None
    """Where the gateway's names are reached by HTTPS, if they are."""
    _turns: count[int] = field(default_factory=count, repr=False, compare=False)

    def resolve(self, host: str, port: int) -> Address:
        """Return where to connect for ``host``."""
        host = host.lower().rstrip(".")
        name = cluster_name(host)
        if name is None:
            if host == "localhost" or host.endswith(".localhost"):
                return "127.0.0.1", port  # RFC 6761; not every system resolver knows
            return host, port
        ports = self.services.get(name)
        if ports is None:
            return self.gateway_tls if port == _HTTPS and self.gateway_tls else self.gateway
        endpoints = ports.get(port)
        if not endpoints:
            raise NoEndpointsError(f"Service {name[1]}/{name[0]} has no ready endpoint for {port}")
        return endpoints[next(self._turns) % len(endpoints)]
