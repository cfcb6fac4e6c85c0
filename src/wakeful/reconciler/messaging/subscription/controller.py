"""What makes a Subscription worth looking at again: itself, its channel, what it refers to.

A channel with many subscribers changes whenever one of them does; then only those Subscriptions
are looked at whose own entries are different.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wakeful.apimachinery.meta import GroupVersionKind, NamespacedName, Object
from wakeful.apis.messaging import (
    SUBSCRIPTION_CONDITIONS,
    Channel,
    ChannelObject,
    Subscription,
)
from wakeful.client import Change, Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.messaging.channelobjects import ChannelObjects, group_by_uid
from wakeful.reconciler.messaging.subscription.reconciler import SubscriptionReconciler

_BY_CHANNEL, _BY_UID = "subscription/channel", "subscription/uid"


def make_controller(manager: Manager, channels: ChannelObjects) -> Controller[Subscription]:
    """Wire the controller to its informers."""
    resolver = DestinationResolver(manager)
    subscriptions, generic = manager.informer(Subscription), manager.informer(Channel)
    subscriptions.add_index(_BY_CHANNEL, _channel_of)
    subscriptions.add_index(_BY_UID, lambda subscription: (subscription.metadata.uid,))
    controller = Controller(
        "subscriptions.messaging",
        manager.client,
        subscriptions,
        SubscriptionReconciler(channels, generic, resolver, manager.recorder),
        conditions=SUBSCRIPTION_CONDITIONS,
        recorder=manager.recorder,
    )
    resolver.connect(controller)
    readers = _Readers(subscriptions, controller)
    channels.add_handler(readers.on_channel)
    controller.watch(generic, readers.of_generic)
    return controller


class _Readers:
    """Which Subscriptions a change of a channel concerns."""

    def __init__(
        self, subscriptions: Informer[Subscription], controller: Controller[Subscription]
    ) -> None:
        self._subscriptions, self._controller = subscriptions, controller

    def of_generic(self, channel: Channel) -> Iterable[NamespacedName]:
        """Those that name a Channel."""
        return self._of(channel.gvk, channel.key)

    def on_channel(self, change: Change[Any]) -> None:
        """Handler for channels that carry events."""
        for key in self._concerned(change):
            self._controller.enqueue(key)

    def _concerned(self, change: Change[Any]) -> Iterable[NamespacedName]:
        old, new = change.old, change.new
        if old is None or new is None or _shared(old) != _shared(new):
            obj: Object = change.object
            # A Channel and the channel behind it have the same name.
            return [*self._of(obj.gvk, obj.key), *self._of(Channel.gvk, obj.key)]
        found: list[NamespacedName] = []
        for uid in _changed(ChannelObject(old), ChannelObject(new)):
            found += [s.key for s in self._subscriptions.by_index(_BY_UID, uid)]
        return found

    def _of(self, gvk: GroupVersionKind, key: NamespacedName) -> list[NamespacedName]:
        found = self._subscriptions.by_index(_BY_CHANNEL, _index(gvk, key))
        return [subscription.key for subscription in found]


def _channel_of(subscription: Subscription) -> Iterable[str]:
    ref = subscription.spec.channel
    return (_index(ref.gvk, ref.key_in(subscription.metadata.namespace)),)


def _index(gvk: GroupVersionKind, key: NamespacedName) -> str:
    return f"{gvk.group}/{gvk.kind}/{key}"


def _shared(obj: Object) -> tuple[object, ...]:
    """What all subscribers of a channel have in common."""
    channel = ChannelObject(obj)
    return (obj.metadata.uid, channel.spec.delivery, channel.status.dead_letter_sink_uri)


def _changed(old: ChannelObject, new: ChannelObject) -> set[str]:
    found: set[str] = set()
    for before, after in (
        (old.spec.subscribers, new.spec.subscribers),
        (old.status.subscribers, new.status.subscribers),
    ):
        was, now = group_by_uid(before), group_by_uid(after)
        found.update(uid for uid in was.keys() | now.keys() if was.get(uid) != now.get(uid))
    return found
