"""What every channel has in common: subscribers, delivery, an address."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.duck.addressable_types import AddressStatus
from wakeful.apis.duck.delivery_types import DeliverySpec, DeliveryStatus
from wakeful.apis.duck.source_types import AuthStatus


class SubscriberSpec(APIModel):
    """One subscriber with everything resolved; the Subscription's reconciler writes it.

    Events go to ``subscriber_uri``, what it answers to ``reply_uri``; without a subscriber events
    go to ``reply_uri`` directly.
    """

    name: str = ""
    """Name of the Subscription, which is in the channel's namespace."""
    uid: str = ""
    """Uid of the Subscription; the key of the list."""
    generation: int | None = None
    subscriber_uri: str = ""
    subscriber_ca_certs: str = Field(default="", alias="subscriberCACerts")
    subscriber_audience: str = ""
    reply_uri: str = ""
    reply_ca_certs: str = Field(default="", alias="replyCACerts")
    reply_audience: str = ""
    delivery: DeliverySpec | None = None
    """Its dead letter sink is a plain URI."""
    auth: AuthStatus | None = None


class SubscribableSpec(APIModel):
    """The subscribers of a channel."""

    subscribers: list[SubscriberSpec] = Field(default_factory=list)


class ChannelableSpec(SubscribableSpec):
    """A channel's subscribers, and how to deliver to those who do not say it themselves."""

    delivery: DeliverySpec | None = None


class SubscriberStatus(APIModel):
    """What became of one subscriber."""

    uid: str = ""
    observed_generation: int | None = None
    ready: str = ""
    """``True``, ``False`` or ``Unknown``."""
    message: str = ""
    auth: AuthStatus | None = None


class AppliedPolicy(APIModel):
    """An EventPolicy that decides who may send to an object."""

    api_version: str = ""
    name: str = ""


class PoliciesStatus(APIModel):
    """The policies in force."""

    policies: list[AppliedPolicy] = Field(default_factory=list)


class ChannelableStatus(PoliciesStatus, DeliveryStatus, AddressStatus, ConditionedStatus):
    """Where a channel is reached, and which subscribers it serves."""

    subscribers: list[SubscriberStatus] = Field(default_factory=list)
