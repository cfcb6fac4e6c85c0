"""One rule of a role, compiled for matching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wakeful.apiserver.protocols import AccessAttributes

ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """Verbs on resources, or on paths that are none."""

    verbs: frozenset[str]
    groups: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    """Objects the rule is limited to; empty for all."""
    paths: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, wire: Mapping[str, Any]) -> Rule:
        """Read a ``PolicyRule``."""
        return cls(
            verbs=_texts(wire, "verbs"),
            groups=_texts(wire, "apiGroups"),
            resources=_texts(wire, "resources"),
            names=_texts(wire, "resourceNames"),
            paths=_texts(wire, "nonResourceURLs"),
        )

    def allows(self, attributes: AccessAttributes) -> bool:
        """Whether the rule covers what is wanted."""
        if ALL not in self.verbs and attributes.verb not in self.verbs:
            return False
        if attributes.path:
            return self._covers_path(attributes.path)
        return (
            (ALL in self.groups or attributes.group in self.groups)
            and self._covers_resource(attributes.resource, attributes.subresource)
            and (not self.names or attributes.name in self.names)
        )

    def _covers_resource(self, resource: str, subresource: str) -> bool:
        if ALL in self.resources:
            return True
        if not subresource:
            return resource in self.resources
        return f"{resource}/{subresource}" in self.resources or f"*/{subresource}" in self.resources

    def _covers_path(self, path: str) -> bool:
        if path in self.paths:
            return True
        return any(p.endswith(ALL) and path.startswith(p[:-1]) for p in self.paths)

    def to_review(self) -> dict[str, Any]:
        """The rule as ``SelfSubjectRulesReview`` lists it."""
        rule: dict[str, Any] = {"verbs": sorted(self.verbs)}
        if self.paths:
            return rule | {"nonResourceURLs": sorted(self.paths)}
        rule |= {"apiGroups": sorted(self.groups), "resources": sorted(self.resources)}
        if self.names:
            rule["resourceNames"] = sorted(self.names)
        return rule


def _texts(wire: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(v for v in wire.get(name) or () if isinstance(v, str))
