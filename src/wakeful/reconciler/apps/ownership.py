"""Finding the children of an owner, and adopting those that lost theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from wakeful.apimachinery.errors import ConflictError, NotFoundError
from wakeful.apimachinery.labels import Selector
from wakeful.apimachinery.meta import Object, controller_of, owner_reference
from wakeful.client import Client, Informer

T = TypeVar("T", bound=Object)

_INDEX = "controller"


class Children(Protocol[T]):
    """The children of one kind, by their owner."""

    def owned_by(self, owner: Object) -> list[T]:
        """Children whose controller is ``owner``, as cached."""
        ...

    async def claim(self, owner: Object, selector: Selector) -> list[T]:
        """Become the controller of matching objects that have none; then all children.

        What was adopted just now is among them, although the cache does not show it yet.
        """
        ...


class CachedChildren(Children[T]):
    """Children in an informer's cache."""

    def __init__(self, client: Client, informer: Informer[T]) -> None:
        self._client, self._informer = client, informer
        informer.add_index(_INDEX, _controller)

    def owned_by(self, owner: Object) -> list[T]:
        """Children whose controller is ``owner``, as cached."""
        return list(self._informer.by_index(_INDEX, owner.metadata.uid))

    async def claim(self, owner: Object, selector: Selector) -> list[T]:
        """Become the controller of matching objects that have none; then all children."""
        adopted: list[T] = []
        for orphan in self._informer.by_index(_INDEX, _orphans(owner.metadata.namespace)):
            if orphan.is_deleting or not selector.matches(orphan.metadata.labels):
                continue
            references = [*orphan.metadata.owner_references, owner_reference(owner)]
            patch = {
                "metadata": {
                    "uid": orphan.metadata.uid,
                    "ownerReferences": [r.to_wire() for r in references],
                }
            }
            name, namespace = orphan.metadata.name, orphan.metadata.namespace
            try:
                child = await self._client.patch(self._informer.model, name, namespace, patch)
            except (ConflictError, NotFoundError):
                continue  # it is gone, or somebody else was faster: the next event tells
            adopted.append(child)
        known = {child.metadata.uid for child in adopted}
        return [*adopted, *(c for c in self.owned_by(owner) if c.metadata.uid not in known)]


def _controller(obj: Object) -> Iterable[str]:
    ref = controller_of(obj)
    return (ref.uid,) if ref is not None else (_orphans(obj.metadata.namespace),)


def _orphans(namespace: str) -> str:
    return f"orphans/{namespace}"
