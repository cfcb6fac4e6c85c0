"""Resources with versions, and the store that every connected Envoy is kept in line with.

Versions are content hashes, so that an Envoy which reconnects after the control plane restarted
is sent only what really changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from google.protobuf import any_pb2

_PREFIX = "type.googleapis.com/"


class ResourceType(StrEnum):
    """The types we serve, in the order in which one stream must carry additions."""

    CLUSTER = _PREFIX + "envoy.config.cluster.v3.Cluster"
    ENDPOINTS = _PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
    SECRET = _PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
    LISTENER = _PREFIX + "envoy.config.listener.v3.Listener"
    SCOPE = _PREFIX + "envoy.config.route.v3.ScopedRouteConfiguration"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, serialised, with the version a client acknowledges."""

    version: str
    body: any_pb2.Any


def make_resource(body: any_pb2.Any, *, salt: str = "") -> Resource:
    """Version ``body`` by its bytes.

    ``salt`` changes the version too: the endpoints of a cluster must be sent again whenever the
    cluster itself changed, or Envoy waits for them and takes no other cluster meanwhile.
    """
    digest = hashlib.blake2b(body.value, digest_size=8, key=salt.encode()[:64])
    return Resource(digest.hexdigest(), body)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to put and what to take away, by type and name."""

    put: Mapping[ResourceType, Mapping[str, Resource]] = field(default_factory=dict)
    remove: Mapping[ResourceType, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.put.values()) or any(self.remove.values())

    def stages(self) -> list[Changes]:
        """Split into steps such that nothing refers to what is not there yet, or no longer."""
        first = (ResourceType.CLUSTER, ResourceType.ENDPOINTS)
        second = (ResourceType.SECRET, ResourceType.LISTENER, ResourceType.SCOPE)
        steps = [
            Changes(put={kind: self.put[kind] for kind in first if self.put.get(kind)}),
            Changes(put={kind: self.put[kind] for kind in second if self.put.get(kind)}),
            Changes(remove={kind: self.remove[kind] for kind in second if self.remove.get(kind)}),
            Changes(remove={kind: self.remove[kind] for kind in first if self.remove.get(kind)}),
        ]
        return [step for step in steps if step]


class ResourceStore:
    """The desired state: what an Envoy that connects now is told."""

    def __init__(self) -> None:
        self._resources: dict[ResourceType, dict[str, Resource]] = {
            kind: {} for kind in ResourceType
        }

    def get(self, kind: ResourceType, name: str) -> Resource | None:
        """The resource as it should be, or None when there should be none."""
        return self._resources[kind].get(name)

    def names(self, kind: ResourceType) -> Iterable[str]:
        """All names of a type."""
        return self._resources[kind].keys()

    def apply(self, changes: Changes) -> None:
        """Make the changes; telling the clients is the caller's business."""
        for kind, resources in changes.put.items():
            self._resources[kind].update(resources)
        for kind, names in changes.remove.items():
            for name in names:
                self._resources[kind].pop(name, None)

    def restore(self, kind: ResourceType, name: str, previous: Resource | None) -> None:
        """Put back what was there before a client refused its successor."""
        if previous is None:
            self._resources[kind].pop(name, None)
        else:
            self._resources[kind][name] = previous
