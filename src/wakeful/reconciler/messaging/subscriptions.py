"""Subscriptions that others make: of Triggers, Sequences, Parallels."""

from __future__ import annotations

from collections.abc import Collection

from wakeful.apimachinery.errors import AlreadyExistsError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName, Object, is_controlled_by
from wakeful.apis.duck import set_delivery_defaults, set_destination_defaults
from wakeful.apis.messaging import Subscription
from wakeful.controller import Manager
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.eventing.references import UnresolvedError


class Subscriptions:
    """Creates, changes and removes the Subscriptions of an owner."""

    def __init__(self, manager: Manager) -> None:
        self._client = manager.client
        self._informer = manager.informer(Subscription)
        self._children = CachedChildren(manager.client, self._informer)

    async def ensure(self, want: Subscription, owner: Object) -> Subscription:
        """Bring one in line; the channel of a Subscription cannot change, so it is made anew then.

        What can be changed is changed in place: whoever has not had its events yet keeps them.

        Raises:
            UnresolvedError: Somebody else has one of that name.
            ConflictError: The old one is still on its way out; its end is heard of.
        """
        _complete(want)
        meta = want.metadata
        have = self._informer.get(meta.name, meta.namespace)
        if have is None:
            try:
                return await self._client.create(want)
            except AlreadyExistsError:
                have = await self._client.get(Subscription, meta.name, meta.namespace)
        if not is_controlled_by(have, owner):
            raise UnresolvedError(
                f'{owner.gvk.kind} {owner.key} does not own Subscription "{meta.name}"'
            )
        if have.is_deleting:
            raise ConflictError(f"{have} is on its way out")
        if have.spec == want.spec:
            return have
        if have.spec.channel != want.spec.channel:
            await self.delete(have)
            raise ConflictError(f"{have} is made anew for another channel")
        return await self._client.update(have.model_copy(update={"spec": want.spec}))

    async def delete_others(self, owner: Object, keep: Collection[NamespacedName]) -> None:
        """Remove those of an owner that it does not want any more."""
        for found in self._children.owned_by(owner):
            if found.key not in keep and not found.is_deleting:
                await self.delete(found)

    async def delete(self, subscription: Subscription) -> None:
        """Remove one, unless it is another one by now."""
        meta = subscription.metadata
        try:
            await self._client.delete(Subscription, meta.name, meta.namespace, uid=meta.uid)
        except NotFoundError:
            return


def _complete(subscription: Subscription) -> None:
    """Fill in what admission would, so that wishes can be compared with what is there."""
    spec, namespace = subscription.spec, subscription.metadata.namespace
    set_destination_defaults(spec.subscriber, namespace)
    set_destination_defaults(spec.reply, namespace)
    set_delivery_defaults(spec.delivery, namespace)
