"""The transport over HTTP: any Kubernetes-style API server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson

from wakeful.apimachinery.errors import APIStatusError, ServiceUnavailableError, error_from_status
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apimachinery.watch import EventType, RawWatchEvent, WatchEvent
from wakeful.client.kubeconfig import KubeConfig

_METHODS = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.WATCH: "GET",
    Verb.CREATE: "POST",
    Verb.UPDATE: "PUT",
    Verb.PATCH: "PATCH",
    Verb.DELETE: "DELETE",
    Verb.DELETE_COLLECTION: "DELETE",
}


def path_of(request: APIRequest) -> str:
    """The URL path of a request: ``/apis/serving.knative.dev/v1/namespaces/default/services/x``."""
    parts = ["apis", request.group, request.version] if request.group else ["api", request.version]
    if request.namespace:
        parts += ["namespaces", request.namespace]
    parts.append(request.resource)
    if request.name:
        parts.append(request.name)
    if request.subresource:
        parts += request.subresource.split("/")
    return "/" + "/".join(quote(part, safe="") for part in parts)


class RestTransport:
    """Speaks to the server of a kubeconfig; use as an async context manager."""

    def __init__(self, config: KubeConfig, *, timeout_seconds: float = 60) -> None:
        self._config = config
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Accept": "application/json", "User-Agent": "wakeful"}
        if self._config.token:
            headers["Authorization"] = f"Bearer {self._config.token}"
        connector = aiohttp.TCPConnector(ssl=self._config.ssl_context() or True, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open HTTP session, for raw paths."""
        if self._session is None:
            raise RuntimeError("RestTransport is used before it was entered")
        return self._session

    def url(self, path: str) -> str:
        """Absolute URL of a path on the server."""
        return self._config.server + path

    async def call(self, request: APIRequest) -> dict[str, Any]:
        """Answer one request other than a watch."""
        headers, data = {}, None
        if request.body is not None:
            headers["Content-Type"] = str(request.patch_type or "application/json")
            data = orjson.dumps(request.body)
        return await self.raw(
            _METHODS[request.verb],
            path_of(request),
            params=dict(request.params),
            headers=headers,
            data=data,
        )

    async def raw(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        """Send one request to any path and decode the JSON answer.

        Raises:
            ServiceUnavailableError: The server cannot be reached.
            APIStatusError: The server answered with an error.
        """
        try:
            async with self.session.request(
                method, self.url(path), timeout=self._timeout, **kwargs
            ) as response:
                body = await response.read()
                if response.status >= 400:
                    raise _to_error(body, response.status)
                decoded: dict[str, Any] = orjson.loads(body)
                return decoded
        except aiohttp.ClientError as err:
            raise ServiceUnavailableError(
                f"API server {self._config.server!r} cannot be reached: {err}"
            ) from err

    @asynccontextmanager
    async def watch(self, request: APIRequest) -> AsyncIterator[AsyncIterator[RawWatchEvent]]:
        """Open a watch."""
        params = dict(request.params) | {"watch": "true"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        try:
            async with self.session.get(
                self.url(path_of(request)), params=params, timeout=timeout
            ) as response:
                if response.status >= 400:
                    raise _to_error(await response.read(), response.status)
                yield _events(response)
        except aiohttp.ClientError as err:
            raise ServiceUnavailableError(
                f"API server {self._config.server!r} cannot be reached: {err}"
            ) from err


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[RawWatchEvent]:
    buffer = bytearray()
    async for chunk in response.content.iter_any():
        buffer += chunk
        *lines, rest = buffer.split(b"\n")
        buffer = bytearray(rest)
        for line in lines:
            if not line.strip():
                continue
            event = orjson.loads(line)
            if event["type"] == EventType.ERROR:
                raise error_from_status(event["object"], event["object"].get("code", 500))
            yield WatchEvent(EventType(event["type"]), event["object"])


def _to_error(body: bytes, code: int) -> APIStatusError:
    try:
        status = orjson.loads(body)
    except json.JSONDecodeError:
        status = {"message": body.decode(errors="replace")[:2000]}
    if not isinstance(status, dict):
        status = {"message": str(status)}
    return error_from_status(status, code)
