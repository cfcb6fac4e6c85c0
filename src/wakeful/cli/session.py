"""A connection to the platform's API, and the names of what it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wakeful.apimachinery.errors import NotFoundError, WakefulError
from wakeful.apimachinery.request import APIRequest, PatchType, Verb
from wakeful.client import RestTransport, load_kubeconfig
from wakeful.client.kubeconfig import KubeConfigError
from wakeful.client.rest import path_of
from wakeful.config import DataDir, default_data_dir

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class UnknownResourceError(WakefulError):
    """The server has no resource of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the server doesn't have a resource type {name!r}")
        self.name = name


class UnknownKindError(WakefulError):
    """The server knows no such kind, or not in this version."""

    def __init__(self, kind: str, api_version: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
        self.kind, self.api_version = kind, api_version


@dataclass(frozen=True, slots=True)
class ServedResource:
    """One resource as discovery tells it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    names: frozenset[str]
    categories: frozenset[str]

    @property
    def display(self) -> str:
        """``service.serving.knative.dev``, as kubectl writes it in messages."""
        kind = self.kind.lower()
        return f"{kind}.{self.group}" if self.group else kind


class Session:
    """What the commands need of an API server."""

    def __init__(self, transport: RestTransport) -> None:
        self.transport = transport
        self._resources: list[ServedResource] | None = None

    async def resources(self) -> list[ServedResource]:
        """Everything served, in the server's order of preference; read once."""
        if self._resources is None:
            found: list[ServedResource] = []
            paths = ["/api/v1"]
            groups = await self.transport.raw("GET", "/apis")
            for group in groups.get("groups", ()):
                paths += [f"/apis/{v['groupVersion']}" for v in group["versions"]]
            for path in paths:
                found += _parse_list(await self.transport.raw("GET", path))
            self._resources = found
        return self._resources

    async def resolve(self, name: str) -> ServedResource:
        """Find a resource by plural, singular, kind, short name, or ``plural.group``.

        Raises:
            UnknownResourceError: Nothing is called that.
        """
        wanted, _, group = name.lower().partition(".")
        for resource in await self.resources():
            if wanted in resource.names and (not group or resource.group.startswith(group)):
                return resource
        raise UnknownResourceError(name)

    async def resolve_all(self, name: str) -> list[ServedResource]:
        """Like :meth:`resolve`, for comma lists and categories such as ``all``."""
        found: list[ServedResource] = []
        for part in name.split(","):
            members = [r for r in await self.resources() if part in r.categories]
            preferred: dict[tuple[str, str], ServedResource] = {}
            for member in members:
                preferred.setdefault((member.group, member.plural), member)
            found += preferred.values() if members else [await self.resolve(part)]
        return found

    async def resolve_object(self, data: Mapping[str, Any]) -> ServedResource:
        """Find the resource of an object by its apiVersion and kind.

        Raises:
            UnknownKindError: The server does not know the kind in that version.
        """
        api_version, kind = str(data.get("apiVersion", "")), str(data.get("kind", ""))
        group, _, version = api_version.rpartition("/")
        for resource in await self.resources():
            if (resource.group, resource.version, resource.kind) == (group, version, kind):
                return resource
        raise UnknownKindError(kind, api_version)

    async def table(
        self, resource: ServedResource, namespace: str, name: str, params: Mapping[str, str]
    ) -> dict[str, Any]:
        """Read objects as the server's table."""
        request = self.request(Verb.GET if name else Verb.LIST, resource, namespace, name)
        return await self.transport.raw(
            "GET", path_of(request), params=dict(params), headers={"Accept": _TABLE}
        )

    async def read(
        self,
        resource: ServedResource,
        namespace: str,
        name: str = "",
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Read one object, or a list."""
        verb = Verb.GET if name else Verb.LIST
        return await self.transport.call(
            self.request(verb, resource, namespace, name, params=params)
        )

    async def apply(self, resource: ServedResource, namespace: str, body: Any) -> tuple[str, str]:
        """Create or change an object by server-side apply; return its name and what happened."""
        name = body["metadata"]["name"]
        before = ""
        with suppress(NotFoundError):
            before = (await self.read(resource, namespace, name))["metadata"]["resourceVersion"]
        answer = await self.transport.call(
            self.request(
                Verb.PATCH,
                resource,
                namespace,
                name,
                body=body,
                patch_type=PatchType.APPLY,
                params={"fieldManager": "wakeful", "force": "true", "fieldValidation": "Strict"},
            )
        )
        after = answer["metadata"]["resourceVersion"]
        return name, ("created" if not before else "unchanged" if before == after else "configured")

    @staticmethod
    def request(
        verb: Verb,
        resource: ServedResource,
        namespace: str,
        name: str = "",
        *,
        body: Any = None,
        patch_type: PatchType | None = None,
        params: Mapping[str, str] | None = None,
    ) -> APIRequest:
        """Build a request for a discovered resource."""
        return APIRequest(
            verb,
            resource.group,
            resource.version,
            resource.plural,
            namespace=namespace if resource.namespaced else "",
            name=name,
            body=body,
            patch_type=patch_type,
            params=params or {},
        )


def _parse_list(data: Mapping[str, Any]) -> list[ServedResource]:
    group, _, version = str(data["groupVersion"]).rpartition("/")
    found = []
    for item in data.get("resources", ()):
        if "/" in item["name"]:
            continue
        names = {item["name"], item.get("singularName") or "", item["kind"].lower()}
        names |= set(item.get("shortNames") or ())
        found.append(
            ServedResource(
                item.get("group") or group,
                item.get("version") or version,
                item["name"],
                item["kind"],
                item["namespaced"],
                frozenset(names - {""}),
                frozenset(item.get("categories") or ()),
            )
        )
    return found


@asynccontextmanager
async def connect(data_dir: Path | None) -> AsyncIterator[Session]:
    """Open a session with the platform of ``data_dir``.

    Raises:
        KubeConfigError: No platform was ever started there.
    """
    layout = DataDir(data_dir or default_data_dir())
    if not layout.kubeconfig.exists():
        raise KubeConfigError(f"no platform was started on {str(layout.root)!r}")
    async with RestTransport(load_kubeconfig(layout.kubeconfig)) as transport:
        yield Session(transport)
