"""A client of the registry HTTP API: manifests and blobs, with mirrors and authentication."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode, urljoin

import aiohttp
import orjson
import structlog
from yarl import URL

from wakeful import __version__
from wakeful.aio import Clock
from wakeful.oci.auth import Authenticator, Challenge, parse_challenge, words_of
from wakeful.oci.blobs import digest_of
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import (
    ImageError,
    ImageNotFoundError,
    InvalidImageError,
    RegistryError,
    RegistryUnavailableError,
    UnauthorizedError,
)
from wakeful.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from wakeful.oci.reference import Reference, is_digest

log = structlog.get_logger("wakeful.oci.registry")

_ACCEPT = ", ".join(sorted(MANIFEST_TYPES | INDEX_TYPES))
_MANIFEST_LIMIT_BYTES = 4 << 20
_DETAIL_LIMIT_BYTES = 1 << 16
_WORTH_RETRYING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_DIGEST_HEADER = "Docker-Content-Digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryConfig:
    """How to reach registries."""

    mirrors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Registry host → base URLs that are asked before it, in order."""
    insecure: frozenset[str] = frozenset()
    """Registry hosts that speak plain HTTP; those on this machine do without being named."""
    unverified: frozenset[str] = frozenset()
    """Registry hosts whose certificates are not checked."""
    connect_timeout_seconds: float = 10.0
    read_timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where a registry's content is to be had."""

    base: str
    host: str


@asynccontextmanager
async def open_registry(
    config: RegistryConfig | None = None, *, clock: Clock | None = None
) -> AsyncIterator[RegistryClient]:
    """Yield a client with its own connections, closed at the end."""
    config = config or RegistryConfig()
    timeout = aiohttp.ClientTimeout(
        total=None,
        sock_connect=config.connect_timeout_seconds,
        sock_read=config.read_timeout_seconds,
    )
    headers = {"User-Agent": f"wakeful/{__version__}"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=True) as session:
        yield RegistryClient(session, config, clock=clock)


class RegistryClient:
    """Reads from and writes to registries.

    Every method raises, besides what it names: ``ImageNotFoundError``, ``UnauthorizedError``,
    ``RegistryUnavailableError`` when trying again may help, else ``RegistryError``.
    """

    def __init__(
        self, session: aiohttp.ClientSession, config: RegistryConfig, *, clock: Clock | None = None
    ) -> None:
        self._session, self._config = session, config
        self._auth = Authenticator(session, clock=clock)
        self._challenges: dict[str, Challenge] = {}

    async def head(self, image: Reference, keychain: Keychain) -> Descriptor:
        """Return what ``image`` points to, without fetching it."""
        path = f"manifests/{image.identifier}"
        async with await self._fetch("HEAD", image, path, keychain) as response:
            digest = response.headers.get(_DIGEST_HEADER, "")
            found = Descriptor(response.content_type, digest, response.content_length or 0)
        if is_digest(digest):
            return found
        return (await self.manifest(image, keychain))[0]  # old registries answer HEAD without it

    async def manifest(self, image: Reference, keychain: Keychain) -> tuple[Descriptor, bytes]:
        """Fetch the manifest or index that ``image`` points to.

        Raises:
            InvalidImageError: The content is not that of its digest.
        """
        path = f"manifests/{image.identifier}"
        async with await self._fetch("GET", image, path, keychain) as response:
            data = bytearray()
            async for chunk in _chunks(response, image):
                data += chunk
                if len(data) > _MANIFEST_LIMIT_BYTES:
                    raise InvalidImageError(image.familiar, "manifest is larger than 4 MiB")
            claimed = response.headers.get(_DIGEST_HEADER, "")
            media_type = response.content_type
        digest = digest_of(data)
        wanted = image.digest or (claimed if is_digest(claimed) else digest)
        if wanted != digest:
            raise InvalidImageError(
                image.familiar, f"manifest has digest {digest!r}, not {wanted!r}"
            )
        return Descriptor(media_type, digest, len(data)), bytes(data)

    @asynccontextmanager
    async def blob(
        self, image: Reference, digest: str, keychain: Keychain, *, offset: int = 0
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        """Yield where the content starts (0 when ``offset`` was not honoured) and its chunks."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        path = f"blobs/{digest}"
        async with await self._fetch("GET", image, path, keychain, headers) as response:
            start = offset if response.status == HTTPStatus.PARTIAL_CONTENT else 0
            yield start, _chunks(response, image)

    async def has_blob(self, image: Reference, digest: str, keychain: Keychain) -> bool:
        """Whether the repository holds the blob already; only the registry itself is asked."""
        request = _Request("HEAD", self._home(image), image, f"blobs/{digest}", "pull,push")
        try:
            async with await self._send(request, keychain):
                return True
        except ImageNotFoundError:
            return False

    async def upload_blob(
        self,
        image: Reference,
        blob: Descriptor,
        content: Callable[[], AsyncIterator[bytes]],
        keychain: Keychain,
    ) -> None:
        """Send one blob in one piece."""
        home = self._home(image)
        request = _Request("POST", home, image, "blobs/uploads/", "pull,push")
        async with await self._send(request, keychain) as response:
            location = response.headers.get("Location", "")
            target = urljoin(str(response.url), location)
        if not location:
            raise RegistryError(image.familiar, "the registry names no place to upload to")
        target += ("&" if "?" in target else "?") + urlencode({"digest": blob.digest})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        request = _Request("PUT", home, image, target, "pull,push", headers, content)
        async with await self._send(request, keychain):
            pass

    async def upload_manifest(
        self, image: Reference, descriptor: Descriptor, data: bytes, keychain: Keychain
    ) -> None:
        """Send a manifest or index under the tag or digest of ``image``."""
        path = f"manifests/{image.identifier}"
        headers = {"Content-Type": descriptor.media_type}
        home = self._home(image)
        request = _Request("PUT", home, image, path, "pull,push", headers, lambda: data)
        async with await self._send(request, keychain):
            pass

    def _home(self, image: Reference) -> Endpoint:
        scheme = "http" if image.registry in self._config.insecure else image.scheme
        return Endpoint(f"{scheme}://{image.registry}", image.registry)

    async def _fetch(
        self,
        method: str,
        image: Reference,
        path: str,
        keychain: Keychain,
        headers: Mapping[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        """Ask the mirrors, then the registry itself, whose word is the last."""
        for url in self._config.mirrors.get(image.registry, ()):
            mirror = Endpoint(url.rstrip("/"), URL(url).authority)
            request = _Request(method, mirror, image, path, "pull", headers or {})
            try:
                return await self._send(request, keychain)
            except ImageError as error:
                log.info("mirror did not help", mirror=url, image=str(image), problem=str(error))
        request = _Request(method, self._home(image), image, path, "pull", headers or {})
        return await self._send(request, keychain)

    async def _send(self, request: _Request, keychain: Keychain) -> aiohttp.ClientResponse:
        """Return a successful response, to be closed by the caller."""
        base = request.endpoint.base
        known = self._challenges.get(base)
        response = await self._try(request, known, keychain)
        if response.status == HTTPStatus.UNAUTHORIZED:
            demand = parse_challenge(response.headers.get("WWW-Authenticate", ""))
            if demand is not None and demand != known:
                response.close()
                self._challenges[base] = demand
                response = await self._try(request, demand, keychain)
        if response.status < HTTPStatus.BAD_REQUEST:
            return response
        try:
            detail = await _error_detail(response)
        finally:
            response.close()
        raise _failure(response.status, detail, request)

    async def _try(
        self, request: _Request, challenge: Challenge | None, keychain: Keychain
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": _ACCEPT, **request.headers}
        if challenge is not None and request.is_at_endpoint:  # a token is for its registry only
            endpoint = Reference(request.endpoint.host, request.image.repository)
            headers["Authorization"] = await self._auth.authorize(
                challenge, request.scope, keychain.find(endpoint), image=request.image.familiar
            )
        body = request.body() if request.body else None
        try:
            return await self._session.request(
                request.method,
                request.url,
                headers=headers,
                data=body,
                ssl=request.endpoint.host not in self._config.unverified,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RegistryUnavailableError(
                request.image.familiar, f"{request}: {words_of(error)}"
            ) from error


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    endpoint: Endpoint
    image: Reference
    path: str
    """Below the repository, or a whole URL that the registry named."""
    actions: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], bytes | AsyncIterator[bytes]] | None = None

    @property
    def url(self) -> str:
        if "://" in self.path:
            return self.path
        return f"{self.endpoint.base}/v2/{self.image.repository}/{self.path}"

    @property
    def is_at_endpoint(self) -> bool:
        return URL(self.url).origin() == URL(self.endpoint.base).origin()

    @property
    def scope(self) -> str:
        return f"repository:{self.image.repository}:{self.actions}"

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"


def _failure(status: int, detail: str, request: _Request) -> ImageError:
    """The error that a status of 400 or more stands for, in upstream's words."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    problem = f"{request}: unexpected status code {status} {phrase}".rstrip()
    problem += f": {detail}" if detail else ""
    name = request.image.familiar
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return UnauthorizedError(name, problem, status=status)
    if status == HTTPStatus.NOT_FOUND:
        return ImageNotFoundError(name, where=f"{request.endpoint.host} ({problem})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _WORTH_RETRYING:
        return RegistryUnavailableError(name, problem, status=status)
    return RegistryError(name, problem, status=status)


async def _error_detail(response: aiohttp.ClientResponse) -> str:
    """What the registry says is wrong, when it says so in the form it should."""
    try:
        wire = orjson.loads(await response.content.read(_DETAIL_LIMIT_BYTES))
        errors = [f"{e.get('code', '')}: {e.get('message', '')}" for e in wire["errors"]]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return "; ".join(errors)


async def _chunks(response: aiohttp.ClientResponse, image: Reference) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise RegistryUnavailableError(
            image.familiar, f"{response.url.host}: {words_of(error)}"
        ) from error
