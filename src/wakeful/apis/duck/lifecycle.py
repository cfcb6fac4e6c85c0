"""Conditions that several kinds of Eventing have, with upstream's reasons."""

from __future__ import annotations

from typing import Protocol

from wakeful.apimachinery.conditions import Condition, ConditionedStatus, ConditionManager
from wakeful.apis.duck.addressable_types import Addressable
from wakeful.apis.duck.delivery_types import DeliveryStatus

ADDRESSABLE = "Addressable"
DEAD_LETTER_SINK_RESOLVED = "DeadLetterSinkResolved"
EVENT_POLICIES_READY = "EventPoliciesReady"
OIDC_IDENTITY_CREATED = "OIDCIdentityCreated"


class Managed(Protocol):
    """A status that knows its own condition set."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        ...


class DeadLetterStatus(DeliveryStatus, ConditionedStatus):
    """A status that tells where undeliverable events go."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status; every kind says which it has."""
        raise NotImplementedError

    def mark_dead_letter_sink_resolved(self, sink: Addressable) -> None:
        """There is one, and this is where it is reached."""
        self._set_dead_letter_sink(sink)
        self.manager.mark_true(DEAD_LETTER_SINK_RESOLVED)

    def mark_dead_letter_sink_not_configured(self) -> None:
        """Nobody wants one, which is fine."""
        self._set_dead_letter_sink(Addressable())
        self.manager.mark_true(
            DEAD_LETTER_SINK_RESOLVED,
            "DeadLetterSinkNotConfigured",
            "No dead letter sink is configured.",
        )

    def mark_dead_letter_sink_failed(self, reason: str, message: str) -> None:
        """There is one, but nobody knows where."""
        self._set_dead_letter_sink(Addressable())
        self.manager.mark_false(DEAD_LETTER_SINK_RESOLVED, reason, message)

    def _set_dead_letter_sink(self, sink: Addressable) -> None:
        self.dead_letter_sink_uri = sink.url
        self.dead_letter_sink_ca_certs = sink.ca_certs
        self.dead_letter_sink_audience = sink.audience


def mark_policies_not_enforced(status: Managed) -> None:
    """Nobody is asked who they are, so that every policy is kept."""
    status.manager.mark_true(
        EVENT_POLICIES_READY,
        "OIDCDisabled",
        'Feature "authentication-oidc" must be enabled to support Authorization',
    )


def mark_identity_not_needed(status: Managed) -> None:
    """Nobody asks who sends, so that no identity has to be made."""
    status.manager.mark_true(OIDC_IDENTITY_CREATED, "authentication-oidc feature disabled")


def mark_from(
    status: Managed, kind: str, found: Condition | None, reason: str, message: str
) -> None:
    """Copy another object's condition; ``reason`` and ``message`` are for one that has none yet."""
    if found is None:
        status.manager.mark_unknown(kind, reason, message)
    else:
        status.manager.copy_from(kind, found)
