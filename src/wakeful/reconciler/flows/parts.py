"""Making the channels of a flow, and removing those it has no more use for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.messaging import ChannelObject, ChannelTemplateSpec, Subscription
from wakeful.controller import Manager
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.messaging import ChannelObjects
from wakeful.reconciler.messaging.subscriptions import Subscriptions


class FlowError(TerminalError):
    """A flow cannot be built as its spec is; the text is for a condition."""


class FlowParts:
    """What Sequences and Parallels are built of."""

    def __init__(self, manager: Manager, channels: ChannelObjects) -> None:
        self._channels, self._subscriptions = channels, Subscriptions(manager)

    async def ensure_channels(
        self, owner: Object, template: ChannelTemplateSpec, names: Sequence[str]
    ) -> list[ChannelObject]:
        """Make the channels that are missing; one that exists is never changed.

        Raises:
            FlowError: There is no such kind of channel, or a name is taken.
        """
        found: list[ChannelObject] = []
        for name in names:
            try:
                want = self._channels.make(template, owner, name)
                have = self._channels.find(want.gvk, want.key)
                if have is not None:
                    # Its own settings stand; only whose it is must be right.
                    want.spec.delivery = have.spec.delivery
                found.append(await self._channels.ensure(want, owner))
            except UnresolvedError as err:
                raise FlowError(f"failed to reconcile channel {name}: {err}") from err
        return found

    async def ensure_subscriptions(
        self, owner: Object, wanted: Sequence[Subscription]
    ) -> list[Subscription]:
        """Bring the Subscriptions in line.

        Raises:
            FlowError: A name is taken.
        """
        found: list[Subscription] = []
        for want in wanted:
            try:
                found.append(await self._subscriptions.ensure(want, owner))
            except UnresolvedError as err:
                raise FlowError(f"failed to reconcile subscription: {err}") from err
        return found

    async def delete_others(
        self,
        owner: Object,
        channels: Collection[ChannelObject],
        subscriptions: Collection[Subscription],
    ) -> None:
        """Remove what a spec with fewer steps or another template has left behind."""
        keep: set[NamespacedName] = {subscription.key for subscription in subscriptions}
        await self._subscriptions.delete_others(owner, keep)
        kept = {(channel.gvk.kind, channel.key) for channel in channels}
        for channel in self._channels.owned_by(owner):
            if (channel.gvk.kind, channel.key) not in kept:
                await self._channels.delete(channel)
