"""Subscription: from a channel to a subscriber, and from its answers to somewhere else."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import DeliverySpec, Destination, KReference
from wakeful.apis.messaging import register
from wakeful.apis.messaging.subscription_lifecycle import SubscriptionStatus


class SubscriptionSpec(APIModel):
    """Who gets what the channel has."""

    channel: KReference = Field(default_factory=KReference)
    subscriber: Destination | None = None
    reply: Destination | None = None
    delivery: DeliverySpec | None = None


class Subscription(KResource[SubscriptionSpec, SubscriptionStatus]):
    """One subscriber of one channel."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Subscription")

    spec: SubscriptionSpec = Field(default_factory=SubscriptionSpec)
    status: SubscriptionStatus = Field(default_factory=SubscriptionStatus)
