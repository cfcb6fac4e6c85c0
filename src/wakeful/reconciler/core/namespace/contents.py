"""Names every namespaced collection there is, and empties one namespace of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wakeful.apimachinery.errors import (
    APIStatusError,
    MethodNotAllowedError,
    NotFoundError,
    qualified,
)
from wakeful.apimachinery.request import APIRequest, Transport, Verb
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.apiextensions import CustomResourceDefinition


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind of content."""

    group: str
    version: str
    plural: str

    def __str__(self) -> str:
        return f"{qualified(self.plural, self.group)}/{self.version}"


def built_in_collections(scheme: Scheme, *, namespaced: bool | None = None) -> list[Collection]:
    """Collections of the scheme's kinds that can be listed and deleted."""
    return [
        Collection(resource.group, resource.gvk.version, resource.plural)
        for resource in scheme
        if {"list", "delete"} <= set(resource.verbs)
        and (namespaced is None or resource.namespaced is namespaced)
    ]


def custom_collections(
    definitions: Iterable[CustomResourceDefinition], *, namespaced: bool | None = None
) -> Iterator[Collection]:
    """Collections of users' own kinds, in the version that is stored."""
    for definition in definitions:
        spec = definition.spec
        if namespaced is not None and (spec.scope == "Namespaced") is not namespaced:
            continue
        served = [v for v in spec.versions if v.served]
        chosen = next((v for v in served if v.storage), served[0] if served else None)
        if chosen is not None:
            yield Collection(spec.group, chosen.name, spec.names.plural)


@dataclass(slots=True)
class Remains:
    """What an attempt to empty a namespace left behind."""

    objects: dict[str, int] = field(default_factory=dict)
    """How many, by collection."""
    finalizers: dict[str, int] = field(default_factory=dict)
    """How many objects each finalizer holds."""
    failures: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.objects or self.failures)


async def empty_namespace(
    transport: Transport, namespace: str, collections: Iterable[Collection]
) -> Remains:
    """Delete everything in a namespace, as a client would; say what is still there."""
    remains = Remains()
    for collection in collections:
        try:
            if await _list(transport, namespace, collection):
                await _call(transport, Verb.DELETE_COLLECTION, namespace, collection)
            left = await _list(transport, namespace, collection)
        except (NotFoundError, MethodNotAllowedError):
            continue  # the kind is gone, and its objects with it
        except APIStatusError as err:
            remains.failures.append(f"{collection}: {err}")
            continue
        if left:
            remains.objects[str(collection)] = len(left)
        for obj in left:
            for finalizer in obj["metadata"].get("finalizers") or ():
                remains.finalizers[finalizer] = remains.finalizers.get(finalizer, 0) + 1
    return remains


async def _list(
    transport: Transport, namespace: str, collection: Collection
) -> list[dict[str, Any]]:
    answer = await _call(transport, Verb.LIST, namespace, collection)
    return answer.get("items") or []


async def _call(
    transport: Transport, verb: Verb, namespace: str, collection: Collection
) -> dict[str, Any]:
    group, version, plural = collection.group, collection.version, collection.plural
    return await transport.call(APIRequest(verb, group, version, plural, namespace=namespace))
