"""Conditions of Sequences and Parallels, and the statuses of what they are made of."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.conditions import (
    FALSE,
    READY,
    TRUE,
    UNKNOWN,
    Condition,
    ConditionedStatus,
    ConditionManager,
    ConditionSet,
)
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.duck import (
    Addressable,
    AddressStatus,
    AuthStatus,
    PoliciesStatus,
)
from wakeful.apis.duck.lifecycle import ADDRESSABLE, EVENT_POLICIES_READY
from wakeful.apis.messaging import Subscription

CHANNELS_READY = "ChannelsReady"
SUBSCRIPTIONS_READY = "SubscriptionsReady"
FLOW_CONDITIONS = ConditionSet.living(
    CHANNELS_READY, SUBSCRIPTIONS_READY, ADDRESSABLE, EVENT_POLICIES_READY
)


class FlowChannelStatus(APIModel):
    """A channel, and whether it is ready."""

    channel: ObjectReference = Field(default_factory=ObjectReference)
    ready: Condition = Field(default_factory=Condition)


class FlowSubscriptionStatus(APIModel):
    """A Subscription, and whether it is ready."""

    subscription: ObjectReference = Field(default_factory=ObjectReference)
    ready: Condition = Field(default_factory=Condition)


class FlowStatus(PoliciesStatus, AddressStatus, ConditionedStatus):
    """What both kinds say in the same way."""

    auth: AuthStatus | None = None

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return FLOW_CONDITIONS.manage(self)

    def set_address(self, address: Addressable | None, *, missing: str) -> None:
        """Say where it is reached; without an address the condition is ``missing``."""
        if address is None or not address.url:
            self.address = None
            self._mark(ADDRESSABLE, missing, "emptyAddress", "addressable is nil")
        else:
            self.address = Addressable(
                url=address.url, ca_certs=address.ca_certs, audience=address.audience
            )
            self.manager.mark_true(ADDRESSABLE)

    def set_channels_ready(self, ready: bool, *, otherwise: str) -> None:
        """Whether every channel is ready."""
        self._set(
            CHANNELS_READY,
            ready,
            otherwise,
            "ChannelsNotReady",
            "Channels are not ready yet, or there are none",
        )

    def set_subscriptions_ready(self, ready: bool, *, otherwise: str) -> None:
        """Whether every Subscription is ready."""
        self._set(
            SUBSCRIPTIONS_READY,
            ready,
            otherwise,
            "SubscriptionsNotReady",
            "Subscriptions are not ready yet, or there are none",
        )

    def _set(self, kind: str, ready: bool, otherwise: str, reason: str, message: str) -> None:
        if ready:
            self.manager.mark_true(kind)
        else:
            self._mark(kind, otherwise, reason, message)

    def _mark(self, kind: str, value: str, reason: str, message: str) -> None:
        if value == FALSE:
            self.manager.mark_false(kind, reason, message)
        else:
            self.manager.mark_unknown(kind, reason, message)


def subscription_status(subscription: Subscription) -> FlowSubscriptionStatus:
    """A Subscription's line in a flow's status."""
    ready = subscription.status.condition(READY)
    if ready is None:
        ready = Condition(
            type=READY,
            status=UNKNOWN,
            reason="NoReady",
            message="Subscription does not have Ready condition",
        )
    return FlowSubscriptionStatus(
        subscription=ObjectReference(
            api_version=subscription.gvk.api_version,
            kind=subscription.gvk.kind,
            name=subscription.metadata.name,
            namespace=subscription.metadata.namespace,
        ),
        ready=ready,
    )


def is_ready(status: FlowChannelStatus | FlowSubscriptionStatus) -> bool:
    """Whether a line of a flow's status says so."""
    return status.ready.status == TRUE
