"""How a Channel's status follows the channel that backs it."""

from __future__ import annotations

from wakeful.apimachinery.conditions import READY, ConditionManager, ConditionSet
from wakeful.apis.duck import Addressable, ChannelableStatus, KReference
from wakeful.apis.duck.lifecycle import (
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
    DeadLetterStatus,
    mark_from,
)

BACKING_CHANNEL_READY = "BackingChannelReady"

CHANNEL_CONDITIONS = ConditionSet.living(
    BACKING_CHANNEL_READY, ADDRESSABLE, DEAD_LETTER_SINK_RESOLVED, EVENT_POLICIES_READY
)


class ChannelStatus(ChannelableStatus, DeadLetterStatus):
    """The backing channel's status in the Channel's own words."""

    channel: KReference | None = None
    """The channel that does the work."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return CHANNEL_CONDITIONS.manage(self)

    def set_address(self, address: Addressable | None) -> None:
        """Say where it is reached."""
        self.address = address
        if address is None or not address.url:
            self.manager.mark_false(ADDRESSABLE, "EmptyHostname", "hostname is the empty string")
        else:
            self.manager.mark_true(ADDRESSABLE)

    def mark_backing_channel_failed(self, reason: str, message: str) -> None:
        """It could not be made."""
        self.manager.mark_false(BACKING_CHANNEL_READY, reason, message)

    def propagate_channel(self, status: ChannelableStatus) -> None:
        """Copy readiness, address and the subscribers' statuses."""
        mark_from(
            self,
            BACKING_CHANNEL_READY,
            status.condition(READY),
            "BackingChannelNotConfigured",
            "BackingChannel has not yet been reconciled.",
        )
        self.set_address(status.address)
        self.subscribers = status.subscribers
