"""Resolve what a Subscription refers to, write it into its channel, report what comes of it."""

from __future__ import annotations

from wakeful.apimachinery.conditions import FALSE, TRUE
from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import GroupVersionKind, NamespacedName
from wakeful.apis.duck import Addressable, Destination
from wakeful.apis.duck.lifecycle import mark_identity_not_needed
from wakeful.apis.messaging import Channel, ChannelObject, Subscription
from wakeful.apis.messaging.subscription_lifecycle import REFERENCES_RESOLVED
from wakeful.client import Lister
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.eventing import DestinationResolver, UnresolvedError
from wakeful.reconciler.messaging.channelobjects import ChannelObjects, group_by_uid
from wakeful.reconciler.messaging.subscription.resources import make_subscriber

_NOT_READY = "SubscriptionNotMarkedReadyByChannel"
_CHANNEL = GroupVersionKind("messaging.knative.dev", "v1", "Channel")


class SubscriptionReconciler:
    """Keeps one entry in one channel."""

    finalizer = "subscriptions.messaging.knative.dev"

    def __init__(
        self,
        channels: ChannelObjects,
        generic: Lister[Channel],
        resolver: DestinationResolver,
        recorder: EventRecorder,
    ) -> None:
        self._channels, self._generic = channels, generic
        self._resolver, self._recorder = resolver, recorder

    async def reconcile_kind(self, subscription: Subscription) -> None:
        """Bring the entry in line with the spec."""
        self._resolver.forget(subscription.key)
        mark_identity_not_needed(subscription.status)
        channel = self._find_channel(subscription)
        if channel is None or not await self._resolve(subscription, channel):
            return
        await self._sync(subscription, channel)
        _mark_served(subscription, channel)

    async def finalize_kind(self, subscription: Subscription) -> Result | None:
        """Take the entry away before the Subscription goes."""
        self._resolver.forget(subscription.key)
        try:
            channel = self._lookup(subscription)
            await self._channels.set_subscriber(channel, subscription.metadata.uid, None)
        except (UnresolvedError, NotFoundError):
            return None
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for its references any more."""
        self._resolver.forget(key)

    def _find_channel(self, subscription: Subscription) -> ChannelObject | None:
        try:
            return self._lookup(subscription)
        except UnresolvedError as err:
            message = f"Failed to get Spec.Channel or backing channel: {err}"
            subscription.status.manager.mark_unknown(
                REFERENCES_RESOLVED, "ChannelReferenceFailed", message
            )
            return None

    def _lookup(self, subscription: Subscription) -> ChannelObject:
        """The channel that carries the events.

        Raises:
            UnresolvedError: There is none, or it cannot be subscribed to yet.
        """
        ref = subscription.spec.channel
        gvk, key = ref.gvk, ref.key_in(subscription.metadata.namespace)
        if (gvk.group, gvk.kind) == (_CHANNEL.group, _CHANNEL.kind):
            generic = self._generic.get(key.name, key.namespace)
            if generic is None:
                raise UnresolvedError(f'{ref.kind} "{ref.name}" not found')
            backing = generic.status.channel
            if backing is None:
                raise UnresolvedError("channel is not ready.")
            gvk, key = backing.gvk, backing.key_in(key.namespace)
        found = self._channels.find(gvk, key)
        if found is None:
            raise UnresolvedError(f'{gvk.kind} "{key.name}" not found')
        return found

    async def _resolve(self, subscription: Subscription, channel: ChannelObject) -> bool:
        spec, physical = subscription.spec, subscription.status.physical_subscription
        sink = spec.delivery.dead_letter_sink if spec.delivery is not None else None
        steps = (
            (
                spec.subscriber,
                "spec.subscriber",
                "SubscriberResolveFailed",
                physical.set_subscriber,
            ),
            (spec.reply, "spec.reply", "ReplyResolveFailed", physical.set_reply),
            (
                sink,
                "spec.delivery.deadLetterSink",
                "DeadLetterSinkResolveFailed",
                physical.set_dead_letter_sink,
            ),
        )
        for destination, path, reason, put in steps:
            if destination is None or destination == Destination():
                put(Addressable())
                continue
            try:
                put(await self._resolver.resolve(destination, subscription))
            except UnresolvedError as err:
                put(Addressable())
                message = f"Failed to resolve {path}: {err}"
                subscription.status.mark_references_not_resolved(reason, message)
                self._recorder.warning(subscription, reason, message)
                return False
        if sink is None and not _inherit_dead_letter_sink(subscription, channel):
            return False
        subscription.status.mark_references_resolved()
        return True

    async def _sync(self, subscription: Subscription, channel: ChannelObject) -> None:
        want = make_subscriber(subscription, channel.spec)
        try:
            changed = await self._channels.set_subscriber(channel, want.uid, want)
        except (ConflictError, NotFoundError):
            raise
        except APIStatusError as err:
            subscription.status.mark_not_added_to_channel(
                "PhysicalChannelSyncFailed", f"Failed to sync physical Channel: {err.message}"
            )
            raise
        subscription.status.mark_added_to_channel()
        if changed:
            self._recorder.normal(
                subscription,
                "SubscriberSync",
                f'Subscription was synchronized to channel "{channel.key.name}"',
            )


def _inherit_dead_letter_sink(subscription: Subscription, channel: ChannelObject) -> bool:
    """Use the channel's sink; False when it has one that it could not resolve."""
    delivery, found = channel.spec.delivery, channel.status
    if delivery is None or delivery.dead_letter_sink is None:
        return True
    if not found.dead_letter_sink_uri:
        subscription.status.mark_references_not_resolved(
            "DeadLetterSinkResolveFailed",
            f"channel {channel.key.name} didn't set status.deadLetterSinkURI",
        )
        return False
    subscription.status.physical_subscription.set_dead_letter_sink(
        Addressable(
            url=found.dead_letter_sink_uri,
            ca_certs=found.dead_letter_sink_ca_certs,
            audience=found.dead_letter_sink_audience,
        )
    )
    return True


def _mark_served(subscription: Subscription, channel: ChannelObject) -> None:
    meta, status = subscription.metadata, subscription.status
    found = group_by_uid(channel.status.subscribers).get(meta.uid)
    if found is None or found.observed_generation != meta.generation:
        status.mark_channel_unknown(
            _NOT_READY,
            f'Failed to get subscription status: subscription "{meta.name}" not present in channel'
            f' "{channel.key.name}" subscriber\'s list',
        )
    elif found.ready == TRUE:
        status.mark_channel_ready()
    elif found.ready == FALSE:
        text = "Subscription marked by Channel as False"
        status.mark_channel_failed(
            _NOT_READY, f"{text}: {found.message}" if found.message else text
        )
    else:
        text = "Subscription marked by Channel as Unknown"
        status.mark_channel_unknown(
            _NOT_READY, f"{text}: {found.message}" if found.message else text
        )
