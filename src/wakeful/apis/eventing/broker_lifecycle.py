"""How a Broker's status follows its channel and the event process."""

from __future__ import annotations

from wakeful.apimachinery.conditions import ConditionManager, ConditionSet
from wakeful.apis.duck import Addressable, AddressStatus, PoliciesStatus
from wakeful.apis.duck.lifecycle import (
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
    DeadLetterStatus,
)

INGRESS_READY = "IngressReady"
TRIGGER_CHANNEL_READY = "TriggerChannelReady"
FILTER_READY = "FilterReady"

BROKER_CONDITIONS = ConditionSet.living(
    INGRESS_READY,
    TRIGGER_CHANNEL_READY,
    FILTER_READY,
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
)


class BrokerStatus(PoliciesStatus, AddressStatus, DeadLetterStatus):
    """Where events are sent to; annotations name the channel they wait in."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return BROKER_CONDITIONS.manage(self)

    def set_address(self, address: Addressable | None) -> None:
        """Say where it is reached."""
        self.address = address
        if address is None or not address.url:
            self.manager.mark_false(ADDRESSABLE, "nil URL", "URL is nil")
        else:
            self.manager.mark_true(ADDRESSABLE)

    def mark_addressable_unknown(self, reason: str, message: str) -> None:
        """It has no address as long as it has no channel."""
        self.address = None
        self.manager.mark_unknown(ADDRESSABLE, reason, message)

    def mark_data_plane_ready(self) -> None:
        """Events can be taken in and filtered."""
        self.manager.mark_true(INGRESS_READY)
        self.manager.mark_true(FILTER_READY)

    def mark_data_plane_unknown(self, reason: str, message: str) -> None:
        """Whoever takes events is still starting."""
        self.manager.mark_unknown(INGRESS_READY, reason, message)
        self.manager.mark_unknown(FILTER_READY, reason, message)

    def mark_data_plane_failed(self, reason: str, message: str) -> None:
        """Nobody takes events."""
        self.manager.mark_false(INGRESS_READY, reason, message)
        self.manager.mark_false(FILTER_READY, reason, message)

    def mark_trigger_channel_ready(self) -> None:
        """Its channel is there and has an address."""
        self.manager.mark_true(TRIGGER_CHANNEL_READY)

    def mark_trigger_channel_failed(self, reason: str, message: str) -> None:
        """Its channel could not be made, or is not ready."""
        self.manager.mark_false(TRIGGER_CHANNEL_READY, reason, message)
