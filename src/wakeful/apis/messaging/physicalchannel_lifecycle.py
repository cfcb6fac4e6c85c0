"""Conditions of the channels that carry events themselves.

Both kinds live in one JetStream server and differ only in where it keeps their events, so they
share every condition but the one about the stream.
"""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apimachinery.conditions import ConditionManager, ConditionSet
from wakeful.apis.duck import Addressable, ChannelableStatus, SubscriberStatus
from wakeful.apis.duck.lifecycle import (
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
    DeadLetterStatus,
)

DISPATCHER_READY = "DispatcherReady"
SERVICE_READY = "ServiceReady"
ENDPOINTS_READY = "EndpointsReady"
CHANNEL_SERVICE_READY = "ChannelServiceReady"
STREAM_READY = "StreamReady"

IN_MEMORY_CHANNEL_CONDITIONS = ConditionSet.living(
    DISPATCHER_READY,
    SERVICE_READY,
    ENDPOINTS_READY,
    CHANNEL_SERVICE_READY,
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
)
JETSTREAM_CHANNEL_CONDITIONS = ConditionSet.living(
    *IN_MEMORY_CHANNEL_CONDITIONS.dependents, STREAM_READY
)


class PhysicalChannelStatus(ChannelableStatus, DeadLetterStatus):
    """What both kinds say in the same way."""

    def mark_dispatcher_ready(self) -> None:
        """Whoever carries events is there."""
        self.manager.mark_true(SERVICE_READY)
        for kind in (DISPATCHER_READY, ENDPOINTS_READY):
            self.manager.mark_true(kind)

    def mark_dispatcher_unknown(self, reason: str, message: str) -> None:
        """Whoever carries events is still starting."""
        self.manager.mark_true(SERVICE_READY)
        for kind in (DISPATCHER_READY, ENDPOINTS_READY):
            self.manager.mark_unknown(kind, reason, message)

    def mark_dispatcher_failed(self, reason: str, message: str) -> None:
        """Nobody carries events."""
        self.manager.mark_true(SERVICE_READY)
        for kind in (DISPATCHER_READY, ENDPOINTS_READY):
            self.manager.mark_false(kind, reason, message)

    def mark_channel_service_ready(self) -> None:
        """The channel's host name is ours."""
        self.manager.mark_true(CHANNEL_SERVICE_READY)

    def mark_channel_service_failed(self, reason: str, message: str) -> None:
        """Somebody else has the channel's host name."""
        self.manager.mark_false(CHANNEL_SERVICE_READY, reason, message)

    def set_address(self, address: Addressable | None) -> None:
        """Say where it is reached."""
        self.address = address
        if address is None or not address.url:
            self.manager.mark_false(ADDRESSABLE, "emptyHostname", "hostname is the empty string")
        else:
            self.manager.mark_true(ADDRESSABLE)

    def set_subscribers(self, statuses: Iterable[SubscriberStatus]) -> None:
        """Say who is served, in the order of the spec."""
        self.subscribers = list(statuses)


class InMemoryChannelStatus(PhysicalChannelStatus):
    """Events are kept in memory."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return IN_MEMORY_CHANNEL_CONDITIONS.manage(self)


class NatsJetStreamChannelStatus(PhysicalChannelStatus):
    """Events are kept on disk."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return JETSTREAM_CHANNEL_CONDITIONS.manage(self)

    def mark_stream_ready(self) -> None:
        """The stream is there."""
        self.manager.mark_true(STREAM_READY)

    def mark_stream_failed(self, reason: str, message: str) -> None:
        """The stream cannot be made."""
        self.manager.mark_false(STREAM_READY, reason, message)

    def mark_stream_unknown(self, reason: str, message: str) -> None:
        """The stream is being made."""
        self.manager.mark_unknown(STREAM_READY, reason, message)
