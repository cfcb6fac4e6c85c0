"""Sequence: one step after another, each given what the one before it answered."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY, UNKNOWN, Condition
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import DeliverySpec, Destination
from wakeful.apis.flows import register
from wakeful.apis.flows.flow_lifecycle import (
    FlowChannelStatus,
    FlowStatus,
    FlowSubscriptionStatus,
    is_ready,
    subscription_status,
)
from wakeful.apis.messaging import ChannelObject, ChannelTemplateSpec, Subscription


class SequenceStep(Destination):
    """Whom to ask, and how hard to try."""

    delivery: DeliverySpec | None = None

    @property
    def destination(self) -> Destination:
        """Whom to ask."""
        return Destination(
            ref=self.ref, uri=self.uri, ca_certs=self.ca_certs, audience=self.audience
        )


class SequenceSpec(APIModel):
    """The steps, and who gets the last answer."""

    steps: list[SequenceStep] = Field(default_factory=list)
    channel_template: ChannelTemplateSpec | None = None
    reply: Destination | None = None


class SequenceStatus(FlowStatus):
    """The channels before the steps, and the Subscriptions that make the steps."""

    subscription_statuses: list[FlowSubscriptionStatus] = Field(default_factory=list)
    channel_statuses: list[FlowChannelStatus] = Field(default_factory=list)

    def propagate_channels(self, channels: SequenceOf[ChannelObject]) -> None:
        """Copy readiness; the first channel's address is the Sequence's."""
        self.channel_statuses = [_channel_status(channel) for channel in channels]
        self.set_address(channels[0].status.address if channels else None, missing=UNKNOWN)
        ready = bool(channels) and all(map(is_ready, self.channel_statuses))
        self.set_channels_ready(ready, otherwise=UNKNOWN)

    def propagate_subscriptions(self, subscriptions: SequenceOf[Subscription]) -> None:
        """Copy readiness."""
        self.subscription_statuses = [subscription_status(found) for found in subscriptions]
        ready = bool(subscriptions) and all(map(is_ready, self.subscription_statuses))
        self.set_subscriptions_ready(ready, otherwise=UNKNOWN)


def _channel_status(channel: ChannelObject) -> FlowChannelStatus:
    ready = channel.status.condition(READY)
    if ready is None:
        message = "Channel does not have Ready condition"
        ready = Condition(type=READY, status=UNKNOWN, reason="NoReady", message=message)
    return FlowChannelStatus(channel=channel.reference, ready=ready)


class Sequence(KResource[SequenceSpec, SequenceStatus]):
    """Steps in order."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Sequence")

    spec: SequenceSpec = Field(default_factory=SequenceSpec)
    status: SequenceStatus = Field(default_factory=SequenceStatus)
