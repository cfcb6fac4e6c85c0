"""Defaults of a Subscription."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import set_delivery_defaults, set_destination_defaults
from wakeful.apis.messaging.subscription_types import Subscription


def set_subscription_defaults(
    subscription: Subscription, old: Object | None, context: AdmissionContext
) -> None:
    """Complete references; the channel's stays without a namespace."""
    del old
    if context.subresource == "status":
        return
    spec, namespace = subscription.spec, subscription.metadata.namespace
    set_destination_defaults(spec.subscriber, namespace)
    set_destination_defaults(spec.reply, namespace)
    set_delivery_defaults(spec.delivery, namespace)
