"""The aiohttp application: every path in, the right answer out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

import structlog
from aiohttp import HttpVersion11, web

from wakeful.apimachinery.errors import (
    APIStatusError,
    BadRequestError,
    InternalServerError,
    MethodNotAllowedError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from wakeful.apimachinery.request import ANONYMOUS, APIRequest, UserInfo, Verb
from wakeful.apiserver.http.aggregated import (
    AggregatedAPI,
    StreamingAPI,
    check_possible,
    find_resource,
)
from wakeful.apiserver.http.bodies import Body, decode_request
from wakeful.apiserver.http.discovery import Discovery, Document
from wakeful.apiserver.http.health import (
    OPEN_PATHS,
    health,
    json_response,
    not_found,
    version_info,
)
from wakeful.apiserver.http.identity import authenticate, impersonate
from wakeful.apiserver.http.negotiation import negotiate
from wakeful.apiserver.http.openapi import OpenAPIDocuments
from wakeful.apiserver.http.paths import ResourcePath, parse_path, split_path, verb_of
from wakeful.apiserver.http.rendering import Renderer, respond, respond_with, status_response
from wakeful.apiserver.http.watchstream import WatchStreams
from wakeful.apiserver.protocols import AccessAttributes, Authenticator
from wakeful.apiserver.registry.core import APIServer, check_verb
from wakeful.apiserver.registry.served import Served
from wakeful.apiserver.registry.subresources import subresources_of

log = structlog.get_logger("wakeful.apiserver.http")

BODY_LIMIT_BYTES = 3 * 1024 * 1024

_USER = web.RequestKey("user", UserInfo)

StreamHandler = Callable[[web.Request, APIRequest, UserInfo, str], Awaitable[web.StreamResponse]]
"""Answers a subresource that is no object (log, exec, proxy …), already authorized.

The last argument is what follows ``proxy/`` in the path. What it raises before its response is
prepared is sent as a Status.
"""
RawHandler = Callable[[web.Request, UserInfo], Awaitable[web.StreamResponse]]
"""Answers a path that is no resource, already authorized."""


class HTTPApplication:
    """Serves one :class:`APIServer` over HTTP.

    ``raw`` adds paths by prefix (``/wakeful/v1/explain``); they are authorized as non-resource
    paths. ``streams`` answers subresources by ``(group, plural, subresource)``. ``aggregated`` are
    groups that other parts answer for.
    """

    def __init__(
        self,
        server: APIServer,
        *,
        authenticator: Authenticator | None = None,
        raw: Mapping[str, RawHandler] | None = None,
        streams: Mapping[tuple[str, str, str], StreamHandler] | None = None,
        aggregated: Sequence[AggregatedAPI] = (),
        is_synced: Callable[[], bool] = lambda: True,
    ) -> None:
        """``is_synced`` tells ``/readyz`` whether what stands behind the API has started."""
        self.server, self._authenticator = server, authenticator
        self._raw = {p.rstrip("/"): handler for p, handler in (raw or {}).items()}
        self._streams = dict(streams or {})
        self._aggregated = {(api.group, api.version): api for api in aggregated}
        self._discovery = Discovery(server.resources, aggregated)
        self._openapi = OpenAPIDocuments(server.resources)
        self._watches = WatchStreams(server)
        self._draining, self._is_synced = False, is_synced

    def make(self) -> web.Application:
        """Build the aiohttp application; run it with ``handler_cancellation``."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_route("*", "/{tail:.*}", self.handle, expect_handler=_expect)
        return app

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return self._watches.count

    def drain(self) -> None:
        """Turn unready and end the watches, so that what is left finishes by itself."""
        self._draining = True
        self._watches.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; an error is always a Status."""
        started = time.perf_counter()
        request[_USER] = ANONYMOUS
        try:
            answer = await self._answer(request)
        except APIStatusError as err:
            answer = status_response(err)
        except web.HTTPException as err:
            answer = _from_http_exception(err)
        except ConnectionError:  # the client went away
            raise
        except Exception:
            log.exception("request failed", method=request.method, path=request.path)
            answer = status_response(InternalServerError("an error on the server, see its log"))
        user = request[_USER]
        read = request.method in ("GET", "HEAD") and answer.status < HTTPStatus.BAD_REQUEST
        (log.debug if read else log.info)(
            "request",
            method=request.method,
            path=request.raw_path,
            code=answer.status,
            user=user.name,
            agent=request.headers.get("User-Agent", ""),
            milliseconds=round((time.perf_counter() - started) * 1000, 2),
        )
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw_path = request.raw_path
        if not raw_path.startswith("/"):
            raw_path = request.rel_url.raw_path
        segments = split_path(raw_path)
        user = authenticate(request, self._authenticator)
        request[_USER] = user = impersonate(request, user, self.server)
        raw = self._find_raw(segments)
        if raw is not None:
            self._authorize_path(user, request.method, segments)
            return await raw(request, user)
        path = parse_path(segments)
        if path is None:
            return await self._answer_path(request, user, segments)
        return await self._answer_resource(request, user, path)

    # --- resources --------------------------------------------------------------------------------

    async def _answer_resource(
        self, request: web.Request, user: UserInfo, path: ResourcePath
    ) -> web.StreamResponse:
        params = {key: request.query[key] for key in request.query}
        verb = verb_of(request.method, path, params)
        other = self._aggregated.get((path.group, path.version))
        if other is not None:
            return await self._answer_aggregated(request, other, user, verb, path, params)
        served = self.server.resources.find(path.group, path.version, path.resource)
        below = subresources_of(served.resource) if served is not None else {}
        if served is None or (path.subresource and path.subresource not in below):
            self.server.authorize(user, _attributes(verb, path))
            return not_found()
        sub = below.get(path.subresource)
        if sub is not None and verb not in sub.verbs:
            raise MethodNotAllowedError(
                "the server does not allow this method on the requested resource"
            )
        api = APIRequest(
            verb,
            path.group,
            path.version,
            path.resource,
            path.namespace,
            path.name,
            path.subresource,
            params=params,
        )
        if sub is not None and sub.stream:
            self.server.authorize(user, _attributes(verb, path))
            return await self._stream(request, api, user, path)
        accepted = negotiate(request.headers.get("Accept", ""))
        renderer = Renderer(accepted, params.get("includeObject", ""), self.server.clock.now())
        if verb is Verb.WATCH:
            return await self._watches.serve(request, api, user, renderer)
        duplicates: Sequence[str] = ()
        if verb not in (Verb.GET, Verb.LIST):
            check_verb(api, served)
            api, duplicates = await self._with_body(request, api, served)
        response = await self.server.handle(
            api,
            user,
            manager=_manager(request),
            duplicates=duplicates,
        )
        return respond(response, renderer, accepted)

    async def _answer_aggregated(
        self,
        request: web.Request,
        api: AggregatedAPI,
        user: UserInfo,
        verb: Verb,
        path: ResourcePath,
        params: Mapping[str, str],
    ) -> web.StreamResponse:
        self.server.authorize(user, _attributes(verb, path))
        resource = find_resource(api, path)
        if resource is None:
            return not_found()
        check_possible(resource, path.subresource, verb)
        body = Body()
        if verb not in (Verb.GET, Verb.LIST):
            content_type, raw = request.headers.get("Content-Type", ""), await request.read()
            body = decode_request(verb, content_type, raw, custom=True, find_duplicates=False)
        asked = APIRequest(
            verb,
            path.group,
            path.version,
            path.resource,
            path.namespace,
            path.name,
            path.subresource,
            body.data,
            body.patch_type,
            dict(params),
        )
        if path.subresource in resource.streams and isinstance(api, StreamingAPI):
            return await api.stream(request, asked)
        answer = await api.answer(asked)
        code = HTTPStatus.CREATED if verb is Verb.CREATE else HTTPStatus.OK
        if not resource.columns or answer.get("kind") == "Status":
            return json_response(answer, code)
        accepted = negotiate(request.headers.get("Accept", ""))
        renderer = Renderer(accepted, params.get("includeObject", ""), self.server.clock.now())
        return respond_with(renderer.show_columns(resource.columns, answer), accepted, code)

    async def _with_body(
        self, request: web.Request, api: APIRequest, served: Served
    ) -> tuple[APIRequest, Sequence[str]]:
        encoding = request.headers.get("Content-Encoding", "")
        if encoding.strip().lower() not in ("", "identity"):
            raise UnsupportedMediaTypeError(
                f"the body is encoded as {encoding!r}: send it as it is"
            )
        raw = await request.read()
        body = decode_request(
            api.verb,
            request.headers.get("Content-Type", ""),
            raw,
            custom=served.resource.custom,
            find_duplicates=api.params.get("fieldValidation") != "Ignore",
        )
        filled = APIRequest(
            api.verb,
            api.group,
            api.version,
            api.resource,
            api.namespace,
            api.name,
            api.subresource,
            body.data,
            body.patch_type,
            api.params,
        )
        return filled, body.duplicates

    async def _stream(
        self, request: web.Request, api: APIRequest, user: UserInfo, path: ResourcePath
    ) -> web.StreamResponse:
        handler = self._streams.get((path.group, path.resource, path.subresource))
        if handler is None:
            raise NotFoundError(f"this server does not offer {path.resource}/{path.subresource}")
        return await handler(request, api, user, path.rest)

    # --- other paths ------------------------------------------------------------------------------

    def _find_raw(self, segments: list[str]) -> RawHandler | None:
        for length in range(len(segments), 0, -1):
            handler = self._raw.get("/" + "/".join(segments[:length]))
            if handler is not None:
                return handler
        return None

    def _authorize_path(self, user: UserInfo, method: str, segments: list[str]) -> None:
        if segments and segments[0] in OPEN_PATHS:
            return
        path = "/" + "/".join(segments)
        self.server.authorize(user, AccessAttributes(method.lower(), path=path))

    async def _answer_path(
        self, request: web.Request, user: UserInfo, segments: list[str]
    ) -> web.Response:
        self._authorize_path(user, request.method, segments)
        if request.method not in ("GET", "HEAD"):
            if segments[:1] in (["api"], ["apis"]):
                raise MethodNotAllowedError(
                    "the server does not allow this method on the requested resource"
                )
            return not_found()
        accept = request.headers.get("Accept", "")
        match segments:
            case []:
                return json_response({"paths": self._paths()})
            case ["healthz" | "livez" | "readyz" as name, *_]:
                checks = {"informer-sync": self._is_synced(), "shutdown": not self._draining}
                return health(request, name, checks)
            case ["version"]:
                return json_response(version_info())
            case ["api"]:
                return _document(request, self._discovery.core(accept))
            case ["apis"]:
                return _document(request, self._discovery.apis(accept))
            case ["api", version]:
                return _document(request, self._discovery.resources("", version))
            case ["apis", group]:
                return _document(request, self._discovery.group(group))
            case ["apis", group, version]:
                return _document(request, self._discovery.resources(group, version))
            case ["openapi", "v3", *below]:
                return await self._openapi.answer(request, below)
            case ["openapi", "v2"]:
                # No bytes are a document without schemas: clients then fall back to what they know.
                return web.Response(
                    body=b"",
                    content_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
                )
            case _:
                return not_found()

    def _paths(self) -> list[str]:
        paths = {"/healthz", "/livez", "/readyz", "/version", "/openapi/v2", "/openapi/v3"}
        paths |= {"/api", "/apis", *self._raw}
        for group, versions in self._discovery.groups().items():
            root = f"/apis/{group}" if group else "/api"
            paths |= {root, *(f"{root}/{version}" for version in versions)}
        return sorted(paths)


def _attributes(verb: Verb, path: ResourcePath) -> AccessAttributes:
    return AccessAttributes(
        str(verb),
        path.group,
        path.version,
        path.resource,
        path.subresource,
        path.namespace,
        path.name,
    )


def _document(request: web.Request, document: Document | None) -> web.Response:
    if document is None:
        return not_found()
    headers = {"ETag": document.etag, "Vary": "Accept", "Cache-Control": "public"}
    if request.headers.get("If-None-Match", "") == document.etag:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = document.content_type
    return web.Response(body=document.body, headers=headers)


def _manager(request: web.Request) -> str:
    agent = request.headers.get("User-Agent", "").partition("/")[0].strip()[:128]
    return agent if agent.isprintable() and agent else "unknown"


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Ask for the body of who waits to be asked; refuse whatever else is expected."""
    expected = request.headers.get("Expect", "")
    if expected.lower() != "100-continue":
        return status_response(
            _ExpectationError(f"nobody here can do what is expected: {expected!a}")
        )
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # what comes next is the answer itself
    return None


class _ExpectationError(APIStatusError):
    code, reason = HTTPStatus.EXPECTATION_FAILED, "ExpectationFailed"


class _TooLargeError(APIStatusError):
    code, reason = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge"


def _from_http_exception(error: web.HTTPException) -> web.Response:
    """Word what aiohttp itself refuses as a Status."""
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return status_response(
            _TooLargeError(f"Request entity too large: limit is {BODY_LIMIT_BYTES}")
        )
    return status_response(BadRequestError(error.text or error.reason))
