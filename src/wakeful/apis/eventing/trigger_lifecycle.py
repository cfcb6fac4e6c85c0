"""How a Trigger's status follows its Broker, Subscription, subscriber and dependency."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.conditions import READY, Condition, ConditionManager, ConditionSet
from wakeful.apis.duck import Addressable, AuthStatus
from wakeful.apis.duck.lifecycle import (
    DEAD_LETTER_SINK_RESOLVED,
    OIDC_IDENTITY_CREATED,
    DeadLetterStatus,
    mark_from,
)

BROKER_READY = "BrokerReady"
SUBSCRIPTION_READY = "SubscriptionReady"
DEPENDENCY_READY = "DependencyReady"
SUBSCRIBER_RESOLVED = "SubscriberResolved"

TRIGGER_CONDITIONS = ConditionSet.living(
    BROKER_READY,
    SUBSCRIPTION_READY,
    DEPENDENCY_READY,
    SUBSCRIBER_RESOLVED,
    DEAD_LETTER_SINK_RESOLVED,
    OIDC_IDENTITY_CREATED,
)


class TriggerStatus(DeadLetterStatus):
    """Who gets the events, and whether they do."""

    subscriber_uri: str = ""
    subscriber_ca_certs: str = Field(default="", alias="subscriberCACerts")
    subscriber_audience: str = ""
    auth: AuthStatus | None = None

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return TRIGGER_CONDITIONS.manage(self)

    @property
    def is_ready(self) -> bool:
        """Whether events reach the subscriber."""
        ready = self.condition(READY)
        return ready is not None and ready.is_true

    def propagate_broker(self, ready: Condition | None) -> None:
        """Copy whether the Broker is ready."""
        mark_from(
            self,
            BROKER_READY,
            ready,
            "BrokerNotConfigured",
            "Broker has not yet been reconciled.",
        )

    def mark_broker_failed(self, reason: str, message: str) -> None:
        """There is no such Broker, or it cannot be used."""
        self.manager.mark_false(BROKER_READY, reason, message)

    def propagate_subscription(self, ready: Condition | None) -> None:
        """Copy whether the Subscription is ready."""
        mark_from(
            self,
            SUBSCRIPTION_READY,
            ready,
            "SubscriptionNotConfigured",
            "Subscription has not yet been reconciled.",
        )

    def mark_not_subscribed(self, reason: str, message: str) -> None:
        """The Subscription could not be made."""
        self.manager.mark_false(SUBSCRIPTION_READY, reason, message)

    def mark_subscriber_resolved(self, found: Addressable) -> None:
        """This is where events go."""
        self._set_subscriber(found)
        self.manager.mark_true(SUBSCRIBER_RESOLVED)

    def mark_subscriber_failed(self, reason: str, message: str) -> None:
        """Nobody knows where events would go."""
        self._set_subscriber(Addressable())
        self.manager.mark_false(SUBSCRIBER_RESOLVED, reason, message)

    def _set_subscriber(self, found: Addressable) -> None:
        self.subscriber_uri = found.url
        self.subscriber_ca_certs, self.subscriber_audience = found.ca_certs, found.audience

    def mark_dependency_ready(self) -> None:
        """What it waits for is ready, or it waits for nothing."""
        self.manager.mark_true(DEPENDENCY_READY)

    def mark_dependency_failed(self, reason: str, message: str) -> None:
        """What it waits for is not there, or has failed."""
        self.manager.mark_false(DEPENDENCY_READY, reason, message)

    def mark_dependency_unknown(self, reason: str, message: str) -> None:
        """What it waits for has not got that far."""
        self.manager.mark_unknown(DEPENDENCY_READY, reason, message)

    def propagate_dependency(self, ready: Condition | None) -> None:
        """Copy whether the dependency is ready."""
        mark_from(
            self,
            DEPENDENCY_READY,
            ready,
            "DependencyNotConfigured",
            "Dependency has not yet been reconciled.",
        )
