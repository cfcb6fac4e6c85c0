"""The resolvers ``http`` and ``hub``: tasks and pipelines by URL."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import orjson
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from wakeful.apis.core import Secret
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.client import Client
from wakeful.reconciler.pipeline.resolution.model import (
    DATA_LIMIT_BYTES,
    Question,
    ResolutionError,
    Resolved,
)

HUB_CONFIG = "hubresolver-config"
ARTIFACT_HUB = "https://artifacthub.io/"
_SECONDS = 50.0


class Fetcher:
    """Gets small files over HTTP."""

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the content.

        Raises:
            ResolutionError: It cannot be had.
        """
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.get(url, headers=headers) as answer,
            ):
                if answer.status != 200:
                    raise ResolutionError(
                        f"requested URL '{url}' is not found"
                        if answer.status == 404
                        else f"requested URL '{url}' answered {answer.status} {answer.reason}"
                    )
                data = await answer.content.read(DATA_LIMIT_BYTES + 1)
        except (aiohttp.ClientError, TimeoutError) as error:
            text = str(error) or type(error).__name__
            raise ResolutionError(f"error fetching URL '{url}': {text}") from error
        return data


class HttpResolver:
    """A file at a URL, with basic authentication if a secret says so."""

    name = "http"

    def __init__(self, client: Client, fetcher: Fetcher) -> None:
        self._client, self._fetcher = client, fetcher

    async def resolve(self, question: Question) -> Resolved:
        """Fetch the file, and compare it with ``digest`` (``sha256:…``) when that is given."""
        url = question.required("url")
        if urlsplit(url).scheme not in ("http", "https"):
            raise ResolutionError(f"url {url} is not a valid http(s) url")
        data = await self._fetcher.get(url, await self._headers(question))
        found = {"sha256": hashlib.sha256(data).hexdigest()}
        wanted = question.text("digest")
        if wanted:
            algorithm, _, value = wanted.partition(":")
            if algorithm not in ("sha256", "sha512"):
                raise ResolutionError(f"digest {wanted} is neither sha256 nor sha512")
            actual = hashlib.new(algorithm, data).hexdigest()
            if not hmac.compare_digest(actual, value):
                raise ResolutionError(
                    f"SHA mismatch, expected {value}, got {actual}: the file at {url} has changed"
                )
        return Resolved(data, RefSource(uri=url, digest=found))

    async def _headers(self, question: Question) -> dict[str, str]:
        name = question.text("http-password-secret")
        user = question.text("http-username")
        if not name:
            if user:
                raise ResolutionError(
                    "missing required param http-password-secret when using http-username"
                )
            return {}
        if not user:
            raise ResolutionError(
                "missing required param http-username when using http-password-secret"
            )
        key = question.text("http-password-secret-key") or "password"
        password = await read_secret(self._client, name, key, question.namespace)
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {basic}"}


async def read_secret(client: Client, name: str, key: str, namespace: str) -> str:
    """A value of a secret in the run's own namespace.

    Raises:
        ResolutionError: There is no such secret or key.
    """
    secret = await client.find(Secret, name, namespace)
    if secret is None:
        raise ResolutionError(f"cannot get secret {name} in namespace {namespace}: not found")
    data = secret.decoded()
    if key not in data:
        raise ResolutionError(f"cannot get key {key} in secret {name} in namespace {namespace}")
    return data[key].decode(errors="replace").strip()


class HubResolver:
    """Artifact Hub, or another place with the same API."""

    name = "hub"

    def __init__(self, fetcher: Fetcher, config: Callable[[], Mapping[str, str]]) -> None:
        self._fetcher, self._config = fetcher, config

    async def resolve(self, question: Question) -> Resolved:
        """Fetch a package's manifest; the version may be a range such as ``>= 0.5.0``."""
        config = self._config()
        if (question.text("type") or config.get("default-type") or "artifact") != "artifact":
            raise ResolutionError("the Tekton Hub is no more; use type artifact")
        kind = (question.text("kind") or config.get("default-kind") or "task").lower()
        if kind not in ("task", "pipeline", "stepaction"):
            raise ResolutionError("kind param must be task, pipeline or stepaction")
        default = f"default-artifact-hub-{kind}-catalog"
        catalog = question.text("catalog") or config.get(default) or f"tekton-catalog-{kind}s"
        base = question.text("url") or config.get("artifact-hub-url") or ARTIFACT_HUB
        parts = (catalog, question.required("name"))
        package = f"{base.rstrip('/')}/api/v1/packages/tekton-{kind}/" + "/".join(
            quote(part, safe="") for part in parts
        )
        version = await self._version(package, question.required("version"))
        url = f"{package}/{quote(version, safe='')}"
        wire = _json(await self._fetcher.get(url), url)
        manifest = (wire.get("data") or {}).get("manifestRaw")
        if not isinstance(manifest, str) or not manifest:
            raise ResolutionError(f"{url} has no manifest")
        data = manifest.encode()
        digest = hashlib.sha256(data).hexdigest()
        return Resolved(data, RefSource(uri=url, digest={"sha256": digest}))

    async def _version(self, package: str, wanted: str) -> str:
        if re.fullmatch(r"[0-9A-Za-z.+-]+", wanted):
            return wanted if wanted.count(".") != 1 else f"{wanted}.0"
        try:
            specifier = SpecifierSet(wanted)
        except InvalidSpecifier as error:
            raise ResolutionError(f"invalid version constraint {wanted!r}") from error
        wire = _json(await self._fetcher.get(package), package)
        listed = [str(v.get("version", "")) for v in wire.get("available_versions") or ()]
        fitting = []
        for text in listed:
            try:
                version = Version(text)
            except InvalidVersion:
                continue
            if version in specifier:
                fitting.append((version, text))
        if not fitting:
            raise ResolutionError(f"no version found for constraint {wanted}")
        return max(fitting)[1]


def _json(data: bytes, url: str) -> dict[str, Any]:
    try:
        wire = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ResolutionError(f"{url} does not answer with JSON") from error
    if not isinstance(wire, dict):
        raise ResolutionError(f"{url} does not answer with an object")
    return wire
