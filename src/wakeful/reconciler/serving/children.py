"""Creating and updating the objects that stand for another one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TypeVar

from wakeful.apimachinery.errors import AlreadyExistsError, APIStatusError
from wakeful.apimachinery.meta import APIModel, KResource, Object
from wakeful.client import Client
from wakeful.controller import EventRecorder, MarkFailed, telling

T = TypeVar("T", bound=Object)
K = TypeVar("K", bound=KResource[APIModel, APIModel])


class Children:
    """Writes children on behalf of their owner, who gets the events."""

    def __init__(self, client: Client, recorder: EventRecorder) -> None:
        self._client, self._recorder = client, recorder

    async def create(
        self, owner: Object, want: T, *, what: str = "", mark: MarkFailed | None = None
    ) -> T:
        """Create a child; one that is there already (the cache is behind) is returned as it is.

        ``what`` names it in events, ``Deployment "x"`` unless given. ``mark`` is told when the API
        refuses it. Whether the owner controls what is returned is for the caller to check.
        """
        meta = want.metadata
        what = what or _name(want)
        try:
            with telling(mark, what) if mark else nullcontext():
                created = await self._client.create(want)
        except AlreadyExistsError:
            return await self._client.get(type(want), meta.name, meta.namespace)
        except APIStatusError as err:
            self._recorder.warning(owner, "CreationFailed", f"Failed to create {what}: {err}")
            raise
        self._recorder.normal(owner, "Created", f"Created {what}")
        return created

    async def replace(self, want: T) -> T:
        """Write a child as a whole."""
        return await self._client.update(want)

    async def update(self, want: T, have: T, *, mark: MarkFailed | None = None) -> T:
        """Give ``have`` the spec, labels and annotations of ``want``; nothing when it has them.

        ``mark`` is told when the API refuses it.
        """
        if is_same(want, have):
            return have
        meta = have.metadata.model_copy(
            update={"labels": want.metadata.labels, "annotations": want.metadata.annotations}
        )
        changed = have.model_copy(update={"metadata": meta, "spec": getattr(want, "spec", None)})
        with telling(mark, _name(want)) if mark else nullcontext():
            return await self._client.update(changed)


def _name(child: Object) -> str:
    return f'{child.gvk.kind} "{child.metadata.name}"'


def is_same(want: Object, have: Object) -> bool:
    """Whether two objects agree in what their owner says: spec, labels and annotations."""
    return (
        want.metadata.labels == have.metadata.labels
        and want.metadata.annotations == have.metadata.annotations
        and getattr(want, "spec", None) == getattr(have, "spec", None)
    )
