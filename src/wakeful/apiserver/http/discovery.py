"""The documents by which clients find out what is served."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apiserver.http import aggregated
from wakeful.apiserver.http.aggregated import AggregatedAPI
from wakeful.apiserver.http.negotiation import parse_accept
from wakeful.apiserver.registry.served import Served, ServedResources
from wakeful.apiserver.registry.subresources import Subresource, subresources_of

JSON = "application/json"
_VERSION = re.compile(r"^v(\d+)(?:(alpha|beta)(\d+))?$")
_STAGE = {"alpha": 0, "beta": 1, None: 2}


@dataclass(frozen=True, slots=True)
class Document:
    """An encoded answer with its validator."""

    body: bytes
    content_type: str
    etag: str


def make_document(data: dict[str, Any], content_type: str = JSON) -> Document:
    """Encode a document and derive its ETag."""
    body = orjson.dumps(data)
    return Document(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32].upper()}"')


def version_order(version: str) -> tuple[int, int, int, int, str]:
    """Sort key that puts stable versions before beta before alpha, and newer ones first."""
    found = _VERSION.match(version)
    if not found:
        return (1, 0, 0, 0, version)
    major, stage, minor = found.groups()
    return (0, -_STAGE[stage], -int(major), -int(minor or 0), version)


class Discovery:
    """Discovery documents, made anew when the served resources change.

    Groups that others answer for (``others``) come last: their short names give way to ours.
    """

    def __init__(self, resources: ServedResources, others: Sequence[AggregatedAPI] = ()) -> None:
        self._resources, self._others = resources, others
        self._generation = -1
        self._cache: dict[str, Document] = {}

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, both in order of preference."""
        found: dict[str, list[str]] = {}
        for served in self._resources:
            versions = found.setdefault(served.group, [])
            if served.version not in versions:
                versions.append(served.version)
        for api in self._others:
            found.setdefault(api.group, []).append(api.version)
        for versions in found.values():
            versions.sort(key=version_order)
        return found

    def core(self, accept: str) -> Document:
        """``/api``."""
        return self._negotiated("/api", accept, lambda v: self._aggregated(v, core=True), _versions)

    def apis(self, accept: str) -> Document:
        """``/apis``."""
        return self._negotiated(
            "/apis", accept, lambda v: self._aggregated(v, core=False), self._group_list
        )

    def group(self, name: str) -> Document | None:
        """``/apis/G``."""
        versions = self.groups().get(name)
        if not name or versions is None:
            return None
        return self._cached(
            f"group {name}",
            lambda: {"kind": "APIGroup", "apiVersion": "v1"} | _group(name, versions),
        )

    def resources(self, group: str, version: str) -> Document | None:
        """``/api/v1`` and ``/apis/G/V``."""
        for api in self._others:
            if (api.group, api.version) == (group, version):
                return make_document(aggregated.resource_list(api))
        if not self._resources.has_version(group, version):
            return None
        return self._cached(
            f"resources {group}/{version}", lambda: self._resource_list(group, version)
        )

    # --- making -----------------------------------------------------------------------------------

    def _negotiated(
        self,
        key: str,
        accept: str,
        aggregated: Callable[[str], dict[str, Any]],
        plain: Callable[[], dict[str, Any]],
    ) -> Document:
        for clause in parse_accept(accept):
            params = clause.params
            if (
                params.get("as") == "APIGroupDiscoveryList"
                and params.get("g") == "apidiscovery.k8s.io"
                and (version := params.get("v")) in ("v2", "v2beta1")
            ):
                content_type = f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
                return self._cached(f"{key} {version}", partial(aggregated, version), content_type)
        return self._cached(key, plain)

    def _cached(
        self, key: str, make: Callable[[], dict[str, Any]], content_type: str = JSON
    ) -> Document:
        if self._generation != self._resources.generation:
            self._generation = self._resources.generation
            self._cache.clear()
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = make_document(make(), content_type)
        return found

    def _group_list(self) -> dict[str, Any]:
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(name, v) for name, v in self.groups().items() if name],
        }

    def _resource_list(self, group: str, version: str) -> dict[str, Any]:
        listed: list[dict[str, Any]] = []
        for served in self._of(group, version):
            resource = served.resource
            entry: dict[str, Any] = {
                "name": resource.plural,
                "singularName": _singular(served),
                "namespaced": resource.namespaced,
                "kind": served.gvk.kind,
                "verbs": list(resource.verbs),
            }
            if resource.short_names:
                entry["shortNames"] = list(resource.short_names)
            if resource.categories:
                entry["categories"] = list(resource.categories)
            listed.append(entry)
            for sub in subresources_of(resource).values():
                gvk = _subresource_gvk(served, sub)
                below: dict[str, Any] = {
                    "name": f"{resource.plural}/{sub.name}",
                    "singularName": "",
                    "namespaced": resource.namespaced,
                    "kind": gvk.kind,
                    "verbs": [str(v) for v in sub.verbs],
                }
                if gvk.group != group or gvk.version != version:
                    below |= {"group": gvk.group, "version": gvk.version}
                listed.append(below)
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": listed,
        }

    def _aggregated(self, api_version: str, *, core: bool) -> dict[str, Any]:
        items = []
        for group, versions in self.groups().items():
            if (group == "") != core:
                continue
            items.append(
                {
                    "metadata": {"name": group, "creationTimestamp": None}
                    if group
                    else {"creationTimestamp": None},
                    "versions": [
                        {
                            "version": version,
                            "resources": self._discovered(group, version),
                            "freshness": "Current",
                        }
                        for version in versions
                    ],
                }
            )
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{api_version}",
            "metadata": {},
            "items": items,
        }

    def _discovered(self, group: str, version: str) -> list[dict[str, Any]]:
        for api in self._others:
            if (api.group, api.version) == (group, version):
                return aggregated.discovered(api)
        return [_discovered(served) for served in self._of(group, version)]

    def _of(self, group: str, version: str) -> list[Served]:
        return [s for s in self._resources if s.group == group and s.version == version]


def _discovered(served: Served) -> dict[str, Any]:
    resource = served.resource
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": _kind(served.gvk),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": _singular(served),
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    below = subresources_of(resource)
    if below:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _kind(_subresource_gvk(served, sub)),
                "verbs": [str(v) for v in sub.verbs],
            }
            for sub in below.values()
        ]
    return entry


def _singular(served: Served) -> str:
    return served.resource.singular or served.gvk.kind.lower()


def _kind(gvk: GroupVersionKind) -> dict[str, str]:
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def _subresource_gvk(served: Served, sub: Subresource) -> GroupVersionKind:
    if sub.gvk is not None:
        return sub.gvk
    return GroupVersionKind(served.group, served.version, sub.kind or served.gvk.kind)


def _versions() -> dict[str, Any]:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}
