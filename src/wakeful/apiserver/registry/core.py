"""The API server apart from HTTP: authorize, find the resource, do what the verb says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.crd import crd_name, make_crd
from wakeful.apimachinery.errors import (
    BadRequestError,
    ForbiddenError,
    InsufficientStorageError,
    MethodNotAllowedError,
    NotFoundError,
    qualified,
)
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, UserInfo, Verb
from wakeful.apimachinery.scheme import Resource, Scheme
from wakeful.apiserver.admission import AdmissionHook
from wakeful.apiserver.protocols import AccessAttributes, AllowAll, Authorizer, TokenIssuer
from wakeful.apiserver.registry.aliases import aliases
from wakeful.apiserver.registry.call import Call, Tracking, parse_options
from wakeful.apiserver.registry.definitions import DEFINITIONS, Definitions
from wakeful.apiserver.registry.deletion import DeleteOptions, Deleter, parse_delete_options
from wakeful.apiserver.registry.namespaces import prepare_namespace
from wakeful.apiserver.registry.patching import Patcher
from wakeful.apiserver.registry.posting import Evictions, TokenRequests
from wakeful.apiserver.registry.reading import Reader, StoredObjects
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.reviews import Reviewer, is_review
from wakeful.apiserver.registry.scale import Scaler
from wakeful.apiserver.registry.selectors import parse_selection
from wakeful.apiserver.registry.served import Served, ServedResources
from wakeful.apiserver.registry.subresources import subresources_of
from wakeful.apiserver.registry.watching import BOOKMARK_SECONDS, Watcher, WatchStream
from wakeful.apiserver.registry.writing import Writer, is_finished
from wakeful.storage import Key, Record, Store, StoreUnwritableError

_SERVER = UserInfo("system:apiserver", (SYSTEM_MASTERS,))
_COLLECTION_VERBS = frozenset({Verb.LIST, Verb.CREATE, Verb.DELETE_COLLECTION, Verb.WATCH})


class APIServer:
    """Answers requests on one store; every call runs to its end without letting others in between.

    ``hooks`` take part in every write to a main resource (see :mod:`wakeful.apiserver.admission`).
    """

    def __init__(
        self,
        store: Store,
        scheme: Scheme,
        *,
        authorizer: Authorizer | None = None,
        hooks: Sequence[AdmissionHook] = (),
        clock: Clock | None = None,
        tokens: TokenIssuer | None = None,
        bookmark_seconds: float = BOOKMARK_SECONDS,
    ) -> None:
        self.store, self.scheme = store, scheme
        self.clock = clock or SystemClock()
        self.authorizer = authorizer or AllowAll()
        self.objects = StoredObjects(store)
        self.resources = ServedResources(scheme, aliases(scheme))
        self._definitions = Definitions(store, self.resources)
        self._writer = Writer(
            store,
            self.objects,
            [prepare_namespace, *hooks],
            finishers=[self._definitions.finish],
            committed=[self._definitions.committed],
        )
        self._reader = Reader(store)
        self._patcher = Patcher(self._writer)
        self._deleter = Deleter(self._writer, self.objects, [self._definitions.guard, *hooks])
        self._watcher = Watcher(store, self._reader, bookmark_seconds=bookmark_seconds)
        self._reviewer = Reviewer(self.authorizer, tokens)
        self._scaler = Scaler(self._writer)
        self._tokens = TokenRequests(self._writer, tokens)
        self._evictions = Evictions(self._writer, self._deleter)
        self._definitions.delete_all = self._delete_all
        self._definitions.release = self._release_definition
        self._definitions.load()

    async def handle(
        self,
        request: APIRequest,
        user: UserInfo,
        *,
        manager: str = "",
        duplicates: Sequence[str] = (),
        tracking: Tracking = Tracking.ALWAYS,
    ) -> Response:
        """Answer one request other than a watch.

        ``manager`` is the field manager when the request names none, ``duplicates`` are paths given
        twice in the body, ``tracking`` says whether field ownership follows the write.

        Raises:
            APIStatusError: Anything that is not a success.
        """
        call = self._open(request, user, manager)
        call.tracking = tracking
        try:
            return self._dispatch(call, duplicates)
        except StoreUnwritableError as err:
            raise InsufficientStorageError(f"nothing was stored: {err}") from err

    def _dispatch(self, call: Call, duplicates: Sequence[str]) -> Response:
        match call.request.subresource:
            case "" | "status" | "finalize":
                return self._handle_object(call, duplicates)
            case "scale":
                return self._scaler.handle(call)
            case "token":
                return self._tokens.create(call)
            case "eviction":
                return self._evictions.create(call)
            case other:
                raise BadRequestError(f"{other} is no object")

    def _handle_object(self, call: Call, duplicates: Sequence[str]) -> Response:
        match call.request.verb:
            case Verb.GET:
                return self._reader.get(call)
            case Verb.LIST:
                return self._reader.list(call)
            case Verb.CREATE if is_review(call.served.resource):
                return self._reviewer.review(call)
            case Verb.CREATE:
                return self._writer.create(call, duplicates)
            case Verb.UPDATE:
                return self._writer.update(call, duplicates)
            case Verb.PATCH:
                return self._patcher.patch(call, duplicates)
            case Verb.DELETE:
                return self._deleter.delete(call)
            case Verb.DELETE_COLLECTION:
                return self._delete_collection(call)
            case Verb.WATCH:
                raise BadRequestError("a watch is opened, not called")

    @asynccontextmanager
    async def watch(self, request: APIRequest, user: UserInfo) -> AsyncIterator[WatchStream]:
        """Open a watch.

        Raises:
            APIStatusError: It cannot be opened.
        """
        call = self._open(request, user, "")
        async with self._watcher.watch(call) as events:
            yield events

    def authorize(self, user: UserInfo, attributes: AccessAttributes) -> None:
        """Refuse what the user may not do.

        Raises:
            ForbiddenError: It is not allowed.
        """
        decision = self.authorizer.authorize(user, attributes)
        if not decision.allowed:
            raise _forbidden(user, attributes, decision.reason)

    async def publish_definitions(self) -> list[Resource]:
        """Store a definition for every custom kind of the scheme, for clients that look there.

        Returns the kinds that had one, which may say what another version of this program knew:
        :meth:`renew_definitions` takes those. Both are much work; others are let in between.
        """
        known = []
        for resource in self.scheme:
            if resource.custom and self._definition_of(resource) is not None:
                known.append(resource)
            elif resource.custom:
                self._publish(resource, Verb.CREATE)
                await asyncio.sleep(0)
        return known

    async def renew_definitions(self, resources: Iterable[Resource]) -> None:
        """Have the definitions of these kinds say what the scheme says."""
        for resource in resources:
            if self._definition_of(resource) is not None:
                self._publish(resource, Verb.UPDATE)
                await asyncio.sleep(0)

    def _definition_of(self, resource: Resource) -> Record | None:
        return self.store.get(Key(*DEFINITIONS, "", crd_name(resource)))

    def _publish(self, resource: Resource, verb: Verb) -> None:
        served = self.resources.find(DEFINITIONS[0], "v1", DEFINITIONS[1])
        if served is None:
            return
        name, body = crd_name(resource), make_crd(resource)
        request = APIRequest(verb, DEFINITIONS[0], "v1", DEFINITIONS[1], name=name, body=body)
        call = self._internal(request, served)
        if verb is Verb.UPDATE:
            self._writer.update(call)
        else:
            self._writer.create(call)

    def config(self, name: str, namespace: str = "knative-serving") -> Mapping[str, str]:
        """Data of a ConfigMap, for defaulting and validation."""
        found = self.objects.get("", "configmaps", name, namespace)
        return (found or {}).get("data") or {}

    def _open(self, request: APIRequest, user: UserInfo, manager: str) -> Call:
        self.authorize(
            user,
            AccessAttributes(
                str(request.verb),
                request.group,
                request.version,
                request.resource,
                request.subresource,
                request.namespace,
                request.name,
            ),
        )
        served = self.resources.find(request.group, request.version, request.resource)
        if served is None:
            raise NotFoundError("the server could not find the requested resource")
        check_verb(request, served)
        dry_run, validation, field_manager = parse_options(request, manager)
        return Call(
            request,
            user,
            served,
            self.clock.now(),
            self.config,
            dry_run,
            validation,
            field_manager,
        )

    def _delete_all(self, served: Served) -> None:
        """Delete every object of a user's kind, because its definition goes."""
        request = APIRequest(Verb.DELETE_COLLECTION, served.group, served.version, served.plural)
        call = self._internal(request, served)
        for record, _ in list(self._reader.select(call, parse_selection(served.resource, {}))):
            self._deleter.delete_record(call, record, DeleteOptions())

    def _release_definition(self, record: Record, wire: dict[str, Any]) -> None:
        """Store a definition without the finalizer that held it, or let it go."""
        served = self.resources.find(DEFINITIONS[0], "v1", DEFINITIONS[1])
        assert served is not None
        request = APIRequest(
            Verb.UPDATE, DEFINITIONS[0], "v1", DEFINITIONS[1], name=record.key.name
        )
        call = self._internal(request, served)
        if is_finished(wire):
            self._writer.remove(call, record, wire)
        else:
            self._writer.store(call, record, wire)

    def _internal(self, request: APIRequest, served: Served) -> Call:
        now = self.clock.now()
        return Call(request, _SERVER, served, now, self.config, False, "Ignore", "", Tracking.DONE)

    def _delete_collection(self, call: Call) -> Response:
        options = parse_delete_options(call.request.body, call.request.params)
        selection = parse_selection(call.served.resource, call.request.params)
        records = [record for record, _ in self._reader.select(call, selection)]
        items = []
        for record in records:
            current = self.store.get(Key(*record.key))
            if current is not None:
                obj, _ = self._deleter.delete_record(call, current, options)
                items.append(call.served.encode(obj))
        gvk = call.served.gvk
        return Response(
            {
                "kind": f"{gvk.kind}List",
                "apiVersion": gvk.api_version,
                "metadata": {"resourceVersion": str(self.store.revision)},
                "items": items,
            },
            200,
            None,
            call.warnings,
            call.served,
            is_list=True,
        )


def check_verb(request: APIRequest, served: Served) -> None:
    """Refuse what the resource does not offer.

    Raises:
        NotFoundError: It has no such subresource, or is not of that scope.
        MethodNotAllowedError: It has not that verb there.
    """
    resource, sub = served.resource, request.subresource
    if resource.namespaced != bool(request.namespace) and not _is_everywhere(
        request, resource.namespaced
    ):
        raise NotFoundError("the server could not find the requested resource")
    below = subresources_of(resource).get(sub)
    if sub and (below is None or below.stream):
        raise NotFoundError("the server could not find the requested resource")
    if below is not None and request.verb not in below.verbs:
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource"
        )
    if str(request.verb) not in resource.verbs and not sub:
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource"
        )
    if (request.verb in _COLLECTION_VERBS) == bool(request.name) and not sub:
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource"
        )


def _is_everywhere(request: APIRequest, namespaced: bool) -> bool:
    return namespaced and request.verb in (
        Verb.LIST,
        Verb.WATCH,
        Verb.DELETE_COLLECTION,
        Verb.CREATE,
    )


def _forbidden(user: UserInfo, attributes: AccessAttributes, reason: str) -> ForbiddenError:
    why = f": {reason}" if reason else ""
    if attributes.path:
        return ForbiddenError(
            f'forbidden: User "{user.name}" cannot {attributes.verb} path "{attributes.path}"{why}'
        )
    resource = attributes.resource + (
        f"/{attributes.subresource}" if attributes.subresource else ""
    )
    where = (
        f'in the namespace "{attributes.namespace}"'
        if attributes.namespace
        else "at the cluster scope"
    )
    name = f' "{attributes.name}"' if attributes.name else ""
    details = {"kind": attributes.resource}
    if attributes.name:
        details["name"] = attributes.name
    if attributes.group:
        details["group"] = attributes.group
    return ForbiddenError(
        f'{qualified(attributes.resource, attributes.group)}{name} is forbidden: User "{user.name}"'
        f' cannot {attributes.verb} resource "{resource}" in API group "{attributes.group}"'
        f" {where}{why}",
        details=details,
    )
