"""Which resources are served, in which versions: the scheme's kinds and users' own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.scheme import Resource, Scheme, ServedVersion
from wakeful.apimachinery.structural import StructuralSchema

Convert = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Served:
    """One resource in one version, as clients see it."""

    resource: Resource
    gvk: GroupVersionKind
    to_hub: Convert | None = None
    from_hub: Convert | None = None
    deprecation: str = ""
    schema: Mapping[str, Any] | None = None
    """The schema of a user's kind, as it was sent."""
    structural: StructuralSchema | None = None
    """The same, compiled."""

    @property
    def group(self) -> str:
        """API group under which it is served."""
        return self.gvk.group

    @property
    def version(self) -> str:
        """Version under which it is served."""
        return self.gvk.version

    @property
    def plural(self) -> str:
        """Plural, in URLs."""
        return self.resource.plural

    @property
    def is_hub(self) -> bool:
        """Whether what is stored is sent as it is."""
        return self.gvk == self.resource.gvk

    def decode(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Turn an object of this version into the stored one; may share parts with ``obj``."""
        hub = self.to_hub(obj) if self.to_hub else obj
        return hub | {"apiVersion": self.resource.gvk.api_version, "kind": self.resource.gvk.kind}

    def encode(self, hub: dict[str, Any]) -> dict[str, Any]:
        """Turn a stored object into this version; shares parts with ``hub``."""
        if self.is_hub:
            return hub
        obj = self.from_hub(hub) if self.from_hub else hub
        return {**obj, "apiVersion": self.gvk.api_version, "kind": self.gvk.kind}


def versions_of(resource: Resource) -> Iterator[Served]:
    """Every version of a resource, the hub first."""
    hub = resource.gvk
    yield Served(resource, hub, resource.normalize)
    for version in resource.served_versions:
        yield _served(resource, replace(hub, version=version.name), version)


def _served(resource: Resource, gvk: GroupVersionKind, version: ServedVersion) -> Served:
    return Served(resource, gvk, version.to_hub, version.from_hub, version.deprecation)


class ServedResources:
    """Finds what a URL names; users' kinds come and go, everything else is fixed.

    ``generation`` counts changes, so that documents about the whole can be cached.
    """

    def __init__(self, scheme: Scheme, extra: Iterable[Served] = ()) -> None:
        self.scheme = scheme
        self.generation = 0
        self._fixed = [s for resource in scheme for s in versions_of(resource)]
        taken = {(s.group, s.version, s.plural) for s in self._fixed}
        self._fixed += [s for s in extra if (s.group, s.version, s.plural) not in taken]
        self._dynamic: dict[tuple[str, str], list[Served]] = {}
        self._index: dict[tuple[str, str, str], Served] = {}
        self._rebuild()

    def find(self, group: str, version: str, plural: str) -> Served | None:
        """The resource of a REST path."""
        return self._index.get((group, version, plural))

    def find_kind(self, group: str, kind: str) -> Served | None:
        """The first version of a kind."""
        return next((s for s in self if s.group == group and s.gvk.kind == kind), None)

    def has_version(self, group: str, version: str) -> bool:
        """Whether anything is served under ``group/version``."""
        return any(g == group and v == version for g, v, _ in self._index)

    def __iter__(self) -> Iterator[Served]:
        return iter(self._index.values())

    def is_fixed(self, group: str, plural: str) -> bool:
        """Whether the resource belongs to the scheme and is not a user's."""
        return any(s.group == group and s.plural == plural for s in self._fixed)

    def set_dynamic(self, group: str, plural: str, versions: list[Served]) -> None:
        """Serve a user's kind; no versions: no longer."""
        if versions:
            self._dynamic[group, plural] = versions
        elif self._dynamic.pop((group, plural), None) is None:
            return
        self._rebuild()

    def _rebuild(self) -> None:
        self.generation += 1
        everything = [*self._fixed, *(s for v in self._dynamic.values() for s in v)]
        self._index = {(s.group, s.version, s.plural): s for s in everything}
