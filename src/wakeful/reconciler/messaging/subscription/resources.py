"""What a Subscription's entry in its channel should be. Pure."""

from __future__ import annotations

from wakeful.apis.duck import ChannelableSpec, DeliverySpec, Destination, SubscriberSpec
from wakeful.apis.messaging import Subscription


def make_subscriber(subscription: Subscription, channel: ChannelableSpec) -> SubscriberSpec:
    """The entry: what the status has resolved, and how to deliver."""
    physical = subscription.status.physical_subscription
    return SubscriberSpec(
        name=subscription.metadata.name,
        uid=subscription.metadata.uid,
        generation=subscription.metadata.generation,
        subscriber_uri=physical.subscriber_uri,
        subscriber_ca_certs=physical.subscriber_ca_certs,
        subscriber_audience=physical.subscriber_audience,
        reply_uri=physical.reply_uri,
        reply_ca_certs=physical.reply_ca_certs,
        reply_audience=physical.reply_audience,
        delivery=_make_delivery(subscription, channel),
        auth=subscription.status.auth,
    )


def _make_delivery(subscription: Subscription, channel: ChannelableSpec) -> DeliverySpec | None:
    """The Subscription's delivery as a whole, else the channel's; its sink is a plain URI."""
    source = subscription.spec.delivery or channel.delivery
    physical = subscription.status.physical_subscription
    sink = None
    if physical.dead_letter_sink_uri:
        sink = Destination(
            uri=physical.dead_letter_sink_uri,
            ca_certs=physical.dead_letter_sink_ca_certs,
            audience=physical.dead_letter_sink_audience,
        )
    if source is None:
        return None if sink is None else DeliverySpec(dead_letter_sink=sink)
    made = source.model_copy(update={"dead_letter_sink": sink})
    return made if made.to_wire() else None
