"""How kinds are called in URLs: those the platform brings, and users' own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.apiextensions import CustomResourceDefinition
from wakeful.controller.manager import Manager


@dataclass(frozen=True, slots=True)
class KindInfo:
    """Where objects of a kind are read and written."""

    group: str
    version: str
    plural: str
    namespaced: bool

    def request(self, verb: Verb, namespace: str = "", name: str = "") -> APIRequest:
        """A request for objects of the kind; the namespace is left out where there is none."""
        return APIRequest(
            verb,
            self.group,
            self.version,
            self.plural,
            namespace=namespace if self.namespaced else "",
            name=name,
        )


class KindIndex:
    """Finds kinds; follows the definitions of users' kinds as they come and go."""

    def __init__(self, manager: Manager) -> None:
        self._scheme = manager.client.scheme
        self._definitions: Iterable[CustomResourceDefinition] = ()
        if self._scheme.by_kind("apiextensions.k8s.io", "CustomResourceDefinition") is not None:
            self._definitions = manager.informer(CustomResourceDefinition)

    def find(self, api_version: str, kind: str) -> KindInfo | None:
        """The kind in that version; None when nobody serves it."""
        group, _, version = api_version.rpartition("/")
        resource = self._scheme.by_kind(group, kind)
        if resource is not None:
            if version not in resource.versions:
                return None
            return KindInfo(group, version, resource.plural, resource.namespaced)
        for definition in self._definitions:
            spec = definition.spec
            if spec.group == group and spec.names.kind == kind:
                if all(v.name != version or not v.served for v in spec.versions):
                    return None
                return KindInfo(group, version, spec.names.plural, spec.scope == "Namespaced")
        return None
