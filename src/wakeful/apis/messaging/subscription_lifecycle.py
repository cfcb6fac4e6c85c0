"""How far a Subscription is: resolved, added to its channel, served by it."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apis.duck import Addressable, AuthStatus, DeliveryStatus
from wakeful.apis.duck.lifecycle import OIDC_IDENTITY_CREATED

REFERENCES_RESOLVED = "ReferencesResolved"
ADDED_TO_CHANNEL = "AddedToChannel"
CHANNEL_READY = "ChannelReady"

SUBSCRIPTION_CONDITIONS = ConditionSet.living(
    REFERENCES_RESOLVED, ADDED_TO_CHANNEL, CHANNEL_READY, OIDC_IDENTITY_CREATED
)


class PhysicalSubscription(DeliveryStatus):
    """Everything the spec refers to, resolved."""

    subscriber_uri: str = ""
    subscriber_ca_certs: str = Field(default="", alias="subscriberCACerts")
    subscriber_audience: str = ""
    reply_uri: str = ""
    reply_ca_certs: str = Field(default="", alias="replyCACerts")
    reply_audience: str = ""

    def set_subscriber(self, found: Addressable) -> None:
        """Where events go."""
        self.subscriber_uri = found.url
        self.subscriber_ca_certs, self.subscriber_audience = found.ca_certs, found.audience

    def set_reply(self, found: Addressable) -> None:
        """Where answers go."""
        self.reply_uri = found.url
        self.reply_ca_certs, self.reply_audience = found.ca_certs, found.audience

    def set_dead_letter_sink(self, found: Addressable) -> None:
        """Where events go that could not be delivered."""
        self.dead_letter_sink_uri = found.url
        self.dead_letter_sink_ca_certs = found.ca_certs
        self.dead_letter_sink_audience = found.audience


class SubscriptionStatus(ConditionedStatus):
    """What became of it."""

    physical_subscription: PhysicalSubscription = Field(default_factory=PhysicalSubscription)
    auth: AuthStatus | None = None

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return SUBSCRIPTION_CONDITIONS.manage(self)

    def mark_references_resolved(self) -> None:
        """Everything it refers to has an address."""
        self.manager.mark_true(REFERENCES_RESOLVED)

    def mark_references_not_resolved(self, reason: str, message: str) -> None:
        """Something it refers to has none."""
        self.manager.mark_false(REFERENCES_RESOLVED, reason, message)

    def mark_added_to_channel(self) -> None:
        """The channel's spec lists it."""
        self.manager.mark_true(ADDED_TO_CHANNEL)

    def mark_not_added_to_channel(self, reason: str, message: str) -> None:
        """The channel's spec could not be changed."""
        self.manager.mark_false(ADDED_TO_CHANNEL, reason, message)

    def mark_channel_ready(self) -> None:
        """The channel serves it."""
        self.manager.mark_true(CHANNEL_READY)

    def mark_channel_failed(self, reason: str, message: str) -> None:
        """The channel will not serve it."""
        self.manager.mark_false(CHANNEL_READY, reason, message)

    def mark_channel_unknown(self, reason: str, message: str) -> None:
        """The channel has not got round to it."""
        self.manager.mark_unknown(CHANNEL_READY, reason, message)
