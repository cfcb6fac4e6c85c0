"""A registry for tests: serves on a loopback port, and misbehaves on request."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from wakeful.oci.blobs import digest_of
from wakeful.oci.manifest import OCI_MANIFEST, media_type_of
from wakeful.oci.reference import is_digest
from wakeful.testing.http import serving
from wakeful.testing.images import MadeImage


@dataclass
class FakeRegistry:
    """What it holds, what it was asked, and how it should fail."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(repository, tag or digest) → content."""
    auth: str = ""
    """``basic`` or ``bearer``; empty lets everybody in."""
    users: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    fail: Callable[[web.Request], web.Response | None] = lambda _: None
    """Called first; a response is sent instead of the right one."""
    cut_blobs_at: list[int] = field(default_factory=list)
    """For each of the next blob downloads, after how many bytes the connection breaks."""
    host: str = ""
    _tokens: set[str] = field(default_factory=set)

    def put(self, image: MadeImage, repository: str, tag: str) -> None:
        """Hold ``image`` under a tag and its digest."""
        for blob in (*image.layers, image.config):
            self.blobs[digest_of(blob)] = blob
        for key in (tag, image.digest):
            self.manifests[repository, key] = image.manifest

    def put_index(self, index: bytes, repository: str, tag: str) -> None:
        """Hold an index under a tag and its digest."""
        for key in (tag, digest_of(index)):
            self.manifests[repository, key] = index

    def count(self, method: str, part: str) -> int:
        """How many requests of ``method`` had ``part`` in their path."""
        return sum(m == method and part in path for m, path in self.requests)

    def application(self) -> web.Application:
        """The server."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/token", self._token)
        app.router.add_route("*", "/v2/{rest:.*}", self._serve)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path_qs))
        if self.users and not self._knows(request):
            return web.Response(status=401)
        token = secrets.token_hex(8)
        self._tokens.add(f"{token} {request.query.get('scope', '')}")
        return web.json_response({"token": token, "expires_in": 300})

    def _knows(self, request: web.Request) -> bool:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        user, _, password = base64.b64decode(value).decode().partition(":")
        return self.users.get(user) == password

    def _admits(self, request: web.Request, repository: str, action: str) -> bool:
        if self.auth == "basic":
            return self._knows(request)
        if self.auth == "bearer":
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            scopes = [t.partition(" ")[2] for t in self._tokens if t.startswith(f"{token} ")]
            return any(
                scope.startswith(f"repository:{repository}:") and action in scope
                for scope in scopes
                if token
            )
        return True

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        if (failure := self.fail(request)) is not None:
            return failure
        repository, kind, name = _split(request.match_info["rest"])
        action = "pull" if request.method in ("GET", "HEAD") else "push"
        if not self._admits(request, repository, action):
            challenge = 'Basic realm="test"'
            if self.auth == "bearer":
                challenge = (
                    f'Bearer realm="http://{self.host}/token",service="test",'
                    f'scope="repository:{repository}:{action}"'
                )
            return web.json_response(
                {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]},
                status=401,
                headers={"WWW-Authenticate": challenge},
            )
        if kind == "manifests":
            return await self._manifest(request, repository, name)
        if name.startswith("uploads/"):
            return await self._upload(request, repository)
        return await self._blob(request, name)

    async def _manifest(self, request: web.Request, repository: str, name: str) -> web.Response:
        if request.method == "PUT":
            data = await request.read()
            for key in (name, digest_of(data)):
                self.manifests[repository, key] = data
            return web.Response(status=201)
        data_or_none = self.manifests.get((repository, name))
        if data_or_none is None:
            return _unknown("MANIFEST_UNKNOWN")
        media_type = media_type_of(data_or_none, subject="test") or OCI_MANIFEST
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(data_or_none)}
        return web.Response(body=data_or_none, headers=headers)

    async def _upload(self, request: web.Request, repository: str) -> web.Response:
        if request.method == "POST":
            location = f"/v2/{repository}/blobs/uploads/{secrets.token_hex(4)}?state=x"
            return web.Response(status=202, headers={"Location": location})
        data, digest = await request.read(), request.query.get("digest", "")
        if not is_digest(digest) or digest != digest_of(data):
            return web.Response(status=400)
        self.blobs[digest] = data
        return web.Response(status=201)

    async def _blob(self, request: web.Request, digest: str) -> web.StreamResponse:
        data = self.blobs.get(digest)
        if data is None:
            return _unknown("BLOB_UNKNOWN")
        start = 0
        if (wanted := request.headers.get("Range", "")).startswith("bytes="):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        body = data[start:]
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(body)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        if self.cut_blobs_at and (cut := self.cut_blobs_at.pop(0)) < len(body):
            await response.write(body[:cut])
            if request.transport is not None:
                request.transport.close()
            return response
        await response.write(body)
        return response


def _split(rest: str) -> tuple[str, str, str]:
    for kind in ("manifests", "blobs"):
        repository, found, name = rest.rpartition(f"/{kind}/")
        if found:
            return repository, kind, name
    return rest, "", ""


def _unknown(code: str) -> web.Response:
    wire = {"errors": [{"code": code, "message": "not known here"}]}
    return web.json_response(wire, status=404)


@asynccontextmanager
async def running_registry(registry: FakeRegistry | None = None) -> AsyncIterator[FakeRegistry]:
    """Serve on a free loopback port; ``host`` of the result is what images are named after."""
    registry = registry or FakeRegistry()
    async with serving(registry.application()) as port:
        registry.host = f"127.0.0.1:{port}"
        yield registry
