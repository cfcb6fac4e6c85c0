"""API groups whose objects are not stored here but answered by another part, when asked.

What an aggregated API server is to Kubernetes: the group is in discovery and access is decided as
for any resource; the objects come from elsewhere. Most can only be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from aiohttp import web

from wakeful.apimachinery.errors import MethodNotAllowedError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apimachinery.scheme import Column
from wakeful.apiserver.http.paths import ResourcePath

READ = (Verb.GET, Verb.LIST)


@dataclass(frozen=True, slots=True)
class AggregatedResource:
    """One kind of such a group."""

    plural: str
    kind: str
    namespaced: bool
    verbs: tuple[Verb, ...] = READ
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    """Columns of ``kubectl get`` after Name; without any, the server makes no tables."""
    subresources: Mapping[str, tuple[Verb, ...]] = field(default_factory=dict)
    streams: frozenset[str] = frozenset()
    """Subresources that are not objects: :meth:`StreamingAPI.stream` answers them."""

    def verbs_of(self, subresource: str) -> tuple[Verb, ...]:
        """What can be done with it, or with something below it."""
        return self.subresources.get(subresource, ()) if subresource else self.verbs


class AggregatedAPI(Protocol):
    """Whoever answers for one version of a group."""

    @property
    def group(self) -> str:
        """The group, ``metrics.k8s.io`` say."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def resources(self) -> Sequence[AggregatedResource]:
        """What the group has."""
        ...

    async def answer(self, request: APIRequest) -> dict[str, Any]:
        """Answer a request, already authorized and known to be possible.

        Raises:
            APIStatusError: There is no such object, or what was sent is wrong.
        """
        ...


@runtime_checkable
class StreamingAPI(Protocol):
    """One that has subresources which are not objects."""

    async def stream(self, http: web.Request, request: APIRequest) -> web.StreamResponse:
        """Answer for one of them, already authorized.

        Raises:
            APIStatusError: Before anything was sent.
        """
        ...


def find_resource(api: AggregatedAPI, path: ResourcePath) -> AggregatedResource | None:
    """The resource that a path is about; None for what the group does not have."""
    found = next((r for r in api.resources if r.plural == path.resource), None)
    if found is None or (path.namespace and not found.namespaced):
        return None
    if path.subresource and path.subresource not in found.subresources:
        return None
    return found


def check_possible(resource: AggregatedResource, subresource: str, verb: Verb) -> None:
    """Refuse what the resource does not offer.

    Raises:
        MethodNotAllowedError: It does not.
    """
    if verb not in resource.verbs_of(subresource):
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource"
        )


def resource_list(api: AggregatedAPI) -> dict[str, Any]:
    """``/apis/G/V``."""
    listed: list[dict[str, Any]] = []
    for resource in api.resources:
        entry: dict[str, Any] = {
            "name": resource.plural,
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": [str(verb) for verb in resource.verbs],
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        listed.append(entry)
        listed += (
            {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": [str(verb) for verb in verbs],
            }
            for name, verbs in resource.subresources.items()
        )
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{api.group}/{api.version}",
        "resources": listed,
    }


def discovered(api: AggregatedAPI) -> list[dict[str, Any]]:
    """The resources as aggregated discovery lists them."""
    found: list[dict[str, Any]] = []
    for resource in api.resources:
        kind = {"group": api.group, "version": api.version, "kind": resource.kind}
        entry: dict[str, Any] = {
            "resource": resource.plural,
            "responseKind": kind,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": "",
            "verbs": [str(verb) for verb in resource.verbs],
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.subresources:
            entry["subresources"] = [
                {"subresource": name, "responseKind": kind, "verbs": [str(v) for v in verbs]}
                for name, verbs in resource.subresources.items()
            ]
        found.append(entry)
    return found
