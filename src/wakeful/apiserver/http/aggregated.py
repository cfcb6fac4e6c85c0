"""API groups whose objects are not stored here but answered by another part, when asked.

What an aggregated API server is to Kubernetes: the group is in discovery and access is decided as
for any resource; the objects come from elsewhere and can only be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wakeful.apimachinery.errors import MethodNotAllowedError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apiserver.http.paths import ResourcePath

_VERBS = ("get", "list")


@dataclass(frozen=True, slots=True)
class AggregatedResource:
    """One kind of such a group."""

    plural: str
    kind: str
    namespaced: bool


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
        """Answer a GET of one object or of a list, already authorized.

        Raises:
            APIStatusError: There is no such object.
        """
        ...


def find_resource(api: AggregatedAPI, path: ResourcePath) -> AggregatedResource | None:
    """The resource that a path is about; None for what the group does not have."""
    if path.subresource:
        return None
    found = next((r for r in api.resources if r.plural == path.resource), None)
    return None if found is None or (path.namespace and not found.namespaced) else found


def check_read(verb: Verb) -> None:
    """Refuse everything but reading.

    Raises:
        MethodNotAllowedError: It is something else.
    """
    if verb not in (Verb.GET, Verb.LIST):
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource"
        )


def resource_list(api: AggregatedAPI) -> dict[str, Any]:
    """``/apis/G/V``."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{api.group}/{api.version}",
        "resources": [
            {
                "name": resource.plural,
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": list(_VERBS),
            }
            for resource in api.resources
        ],
    }


def discovered(api: AggregatedAPI) -> list[dict[str, Any]]:
    """The resources as aggregated discovery lists them."""
    return [
        {
            "resource": resource.plural,
            "responseKind": {"group": api.group, "version": api.version, "kind": resource.kind},
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": "",
            "verbs": list(_VERBS),
        }
        for resource in api.resources
    ]
