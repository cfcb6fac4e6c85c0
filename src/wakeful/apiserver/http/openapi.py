"""``/openapi/v3``: a document for each group and version, made when somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import web

from wakeful.apimachinery.openapi import Described, Document, OpenAPI, index
from wakeful.apimachinery.shapes import shape_of
from wakeful.apiserver.http.discovery import make_document
from wakeful.apiserver.http.health import not_found
from wakeful.apiserver.registry.served import Served, ServedResources
from wakeful.apiserver.registry.subresources import subresources_of


class OpenAPIDocuments:
    """Describes what is served; made anew for what changed."""

    def __init__(self, resources: ServedResources) -> None:
        self._resources = resources
        self._generation = -1
        self._documents: dict[str, Document] = {}
        self._lock = asyncio.Lock()

    async def answer(self, request: web.Request, segments: list[str]) -> web.Response:
        """Answer ``/openapi/v3`` and what is below; ``segments`` are those below."""
        documents = await self.current()
        if not segments:
            made = make_document(index(documents.values()))
            return _send(request, made.body, made.etag, cacheable=False)
        path = "/".join(segments)
        document = documents.get(path)
        if document is None:
            return not_found()
        asked = request.query.get("hash", "")
        if asked and asked != document.hash:
            location = f"/openapi/v3/{path}?hash={document.hash}"
            return web.Response(status=301, headers={"Location": location})
        return _send(request, document.body, f'"{document.hash}"', cacheable=bool(asked))

    async def current(self) -> dict[str, Document]:
        """Every document by its path, in line with what is served now."""
        async with self._lock:
            while self._generation != self._resources.generation:
                generation = self._resources.generation
                builder = OpenAPI([r.model for r in self._resources.scheme])
                documents: dict[str, Document] = {}
                for (group, version), kinds in self._by_version().items():
                    made = builder.document(group, version, kinds)
                    document = Document.encode(group, version, made)
                    documents[document.path] = document
                    await asyncio.sleep(0)  # each takes milliseconds; let requests in between
                self._documents, self._generation = documents, generation
        return self._documents

    def _by_version(self) -> dict[tuple[str, str], list[Described]]:
        found: dict[tuple[str, str], list[Described]] = {}
        for served in self._resources:
            found.setdefault((served.group, served.version), []).extend(_describe(served))
        return found


def _describe(served: Served) -> Iterator[Described]:
    resource = served.resource
    converted = not resource.is_described if served.is_hub else served.to_hub or served.from_hub
    modelled = served.schema is None and not converted
    schema = served.schema
    if schema is None and not modelled:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    yield Described(
        served.gvk,
        resource.plural,
        resource.namespaced,
        resource.model if modelled else None,
        schema,
        None if resource.custom else shape_of(resource.group, resource.kind),
        resource.verbs,
        tuple(sub.name for sub in subresources_of(resource).values() if sub.gvk is None),
    )


def _send(request: web.Request, body: bytes, etag: str, *, cacheable: bool) -> web.Response:
    headers = {
        "ETag": etag,
        "Vary": "Accept",
        "Cache-Control": "public, immutable" if cacheable else "no-cache, private",
    }
    if request.headers.get("If-None-Match", "") == etag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
