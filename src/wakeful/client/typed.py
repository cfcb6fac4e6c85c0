"""The client: verbs over models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from wakeful.apimachinery.errors import AlreadyExistsError, NotFoundError
from wakeful.apimachinery.labels import EVERYTHING, Selector
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import APIRequest, PatchType, Transport, Verb
from wakeful.apimachinery.scheme import Resource, Scheme
from wakeful.apimachinery.watch import EventType, WatchEvent

T = TypeVar("T", bound=Object)


class Propagation(StrEnum):
    """What happens to the dependents of a deleted object."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


@dataclass(frozen=True, slots=True)
class ObjectList(Generic[T]):
    """The answer to a list: objects and the version to start a watch from."""

    items: list[T]
    resource_version: str
    continue_token: str = ""
    """Where the next page begins; empty when this was the last one."""


class Client:
    """Typed CRUD and watch over one transport.

    Every method raises :class:`~wakeful.apimachinery.errors.APIStatusError` subclasses for answers
    that are not a success. ``manager`` names this client in ``managedFields``.
    """

    def __init__(self, transport: Transport, scheme: Scheme, *, manager: str = "wakeful") -> None:
        self.transport = transport
        self.scheme = scheme
        self._manager = manager

    async def get(self, model: type[T], name: str, namespace: str = "") -> T:
        """Read one object."""
        return self._parse(model, await self._call(Verb.GET, model, namespace, name))

    async def find(self, model: type[T], name: str, namespace: str = "") -> T | None:
        """Read one object, or None when there is none."""
        try:
            return await self.get(model, name, namespace)
        except NotFoundError:
            return None

    async def list(
        self,
        model: type[T],
        namespace: str = "",
        *,
        selector: Selector = EVERYTHING,
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectList[T]:
        """Read a collection; an empty namespace means all.

        With a ``limit``, one page of it; the next one begins where ``continue_token`` says.
        """
        params = _selectors(selector, fields)
        if limit:
            params["limit"] = str(limit)
        if continue_token:
            params["continue"] = continue_token
        data = await self._call(Verb.LIST, model, namespace, params=params)
        items = [self._parse(model, item) for item in data.get("items") or ()]
        metadata = data["metadata"]
        return ObjectList(
            items, metadata.get("resourceVersion", ""), metadata.get("continue") or ""
        )

    @asynccontextmanager
    async def watch(
        self,
        model: type[T],
        namespace: str = "",
        *,
        resource_version: str = "",
        selector: Selector = EVERYTHING,
        fields: str = "",
        bookmarks: bool = True,
    ) -> AsyncIterator[AsyncIterator[WatchEvent[T]]]:
        """Follow a collection from ``resource_version`` (empty: the present state, then changes).

        BOOKMARK events carry only a resourceVersion; ERROR events are raised.
        """
        params = _selectors(selector, fields)
        if resource_version:
            params["resourceVersion"] = resource_version
        if bookmarks:
            params["allowWatchBookmarks"] = "true"
        request = self._request(Verb.WATCH, model, namespace, params=params)

        async def parsed(
            events: AsyncIterator[WatchEvent[dict[str, Any]]],
        ) -> AsyncIterator[WatchEvent[T]]:
            async for event in events:
                yield WatchEvent(event.type, self._parse(model, event.object))

        async with self.transport.watch(request) as events:
            yield parsed(events)

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Create an object; its namespace is the one in its metadata."""
        params = {"fieldManager": self._manager} | ({"dryRun": "All"} if dry_run else {})
        data = await self._call(
            Verb.CREATE, type(obj), obj.metadata.namespace, body=obj.to_wire(), params=params
        )
        return self._parse(type(obj), data)

    async def create_or_get(self, obj: T) -> T:
        """Create an object, or read the one that is already there."""
        try:
            return await self.create(obj)
        except AlreadyExistsError:
            return await self.get(type(obj), obj.metadata.name, obj.metadata.namespace)

    async def create_or_patch(self, obj: T) -> T:
        """Create an object, or merge everything but its metadata into the one that is there."""
        try:
            return await self.create(obj)
        except AlreadyExistsError:
            wire, meta = obj.to_wire(), obj.metadata
            patch = {k: v for k, v in wire.items() if k not in ("apiVersion", "kind", "metadata")}
            return await self.patch(type(obj), meta.name, meta.namespace, patch)

    async def update(self, obj: T) -> T:
        """Replace an object; its resourceVersion must be current."""
        return await self._put(obj, "")

    async def update_status(self, obj: T) -> T:
        """Replace only the status."""
        return await self._put(obj, "status")

    async def patch(
        self,
        model: type[T],
        name: str,
        namespace: str,
        patch: Any,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
    ) -> T:
        """Change part of an object."""
        data = await self._call(
            Verb.PATCH,
            model,
            namespace,
            name,
            subresource=subresource,
            body=patch,
            patch_type=patch_type,
            params={"fieldManager": self._manager},
        )
        return self._parse(model, data)

    async def delete(
        self,
        model: type[T],
        name: str,
        namespace: str = "",
        *,
        propagation: Propagation = Propagation.BACKGROUND,
        uid: str = "",
        grace_period_seconds: int | None = None,
    ) -> None:
        """Ask for deletion; finalizers may hold the object. ``uid`` guards against a namesake."""
        options: dict[str, Any] = {"propagationPolicy": str(propagation)}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        await self._call(Verb.DELETE, model, namespace, name, body=options)

    async def _put(self, obj: T, subresource: str) -> T:
        data = await self._call(
            Verb.UPDATE,
            type(obj),
            obj.metadata.namespace,
            obj.metadata.name,
            subresource=subresource,
            body=obj.to_wire(),
            params={"fieldManager": self._manager},
        )
        return self._parse(type(obj), data)

    async def _call(
        self, verb: Verb, model: type[T], namespace: str, name: str = "", **rest: Any
    ) -> dict[str, Any]:
        return await self.transport.call(self._request(verb, model, namespace, name, **rest))

    def _request(
        self, verb: Verb, model: type[Object], namespace: str, name: str = "", **rest: Any
    ) -> APIRequest:
        resource: Resource = self.scheme.of(model)
        return APIRequest(
            verb,
            resource.group,
            resource.gvk.version,
            resource.plural,
            namespace=namespace if resource.namespaced else "",
            name=name,
            **rest,
        )

    @staticmethod
    def _parse(model: type[T], data: Mapping[str, Any]) -> T:
        return model.model_validate(data)


def _selectors(selector: Selector, fields: str) -> dict[str, str]:
    params: dict[str, str] = {}
    if selector:
        params["labelSelector"] = str(selector)
    if fields:
        params["fieldSelector"] = fields
    return params


__all__ = ["Client", "EventType", "ObjectList", "Propagation"]
