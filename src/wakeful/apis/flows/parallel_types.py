"""Parallel: every event goes down each branch whose filter lets it pass."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import FALSE, READY, TRUE, Condition
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


class ParallelBranch(APIModel):
    """A filter that answers with the event to pass on, and who gets that event."""

    filter: Destination | None = None
    """None lets everything pass."""
    subscriber: Destination = Field(default_factory=Destination)
    reply: Destination | None = None
    """Instead of the Parallel's."""
    delivery: DeliverySpec | None = None


class ParallelSpec(APIModel):
    """The branches, and who gets the answers of those that have no reply of their own."""

    branches: list[ParallelBranch] = Field(default_factory=list)
    channel_template: ChannelTemplateSpec | None = None
    reply: Destination | None = None


class ParallelBranchStatus(APIModel):
    """What a branch is made of."""

    filter_subscription_status: FlowSubscriptionStatus = Field(
        default_factory=FlowSubscriptionStatus
    )
    filter_channel_status: FlowChannelStatus = Field(default_factory=FlowChannelStatus)
    subscriber_subscription_status: FlowSubscriptionStatus = Field(
        default_factory=FlowSubscriptionStatus
    )


class ParallelStatus(FlowStatus):
    """The channel in front of all branches, and the branches."""

    ingress_channel_status: FlowChannelStatus = Field(default_factory=FlowChannelStatus)
    branch_statuses: list[ParallelBranchStatus] = Field(default_factory=list)

    def propagate_channels(
        self, ingress: ChannelObject, channels: SequenceOf[ChannelObject]
    ) -> None:
        """Copy which channels have an address; the ingress channel's is the Parallel's."""
        self._resize(len(channels))
        self.ingress_channel_status = _channel_status(ingress)
        self.set_address(ingress.status.address, missing=FALSE)
        for status, channel in zip(self.branch_statuses, channels, strict=True):
            status.filter_channel_status = _channel_status(channel)
        lines = [self.ingress_channel_status]
        lines += [status.filter_channel_status for status in self.branch_statuses]
        self.set_channels_ready(all(map(is_ready, lines)), otherwise=FALSE)

    def propagate_subscriptions(
        self, filters: SequenceOf[Subscription], subscribers: SequenceOf[Subscription]
    ) -> None:
        """Copy readiness, two Subscriptions for each branch."""
        self._resize(len(subscribers))
        lines: list[FlowSubscriptionStatus] = []
        for status, before, after in zip(self.branch_statuses, filters, subscribers, strict=True):
            status.filter_subscription_status = subscription_status(before)
            status.subscriber_subscription_status = subscription_status(after)
            lines += [status.filter_subscription_status, status.subscriber_subscription_status]
        self.set_subscriptions_ready(bool(lines) and all(map(is_ready, lines)), otherwise=FALSE)

    def _resize(self, count: int) -> None:
        if len(self.branch_statuses) != count:
            self.branch_statuses = [ParallelBranchStatus() for _ in range(count)]


def _channel_status(channel: ChannelObject) -> FlowChannelStatus:
    address = channel.status.address
    if address is not None and address.url:
        ready = Condition(type=READY, status=TRUE)
    else:
        ready = Condition(
            type=READY,
            status=FALSE,
            reason="NotAddressable",
            message="Channel is not addressable",
        )
    return FlowChannelStatus(channel=channel.reference, ready=ready)


class Parallel(KResource[ParallelSpec, ParallelStatus]):
    """Branches side by side."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Parallel")

    spec: ParallelSpec = Field(default_factory=ParallelSpec)
    status: ParallelStatus = Field(default_factory=ParallelStatus)
