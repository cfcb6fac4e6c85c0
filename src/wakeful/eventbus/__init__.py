"""The durable log behind brokers and channels: one protocol, NATS JetStream or memory behind it.

Not for what a message means: events, filters and delivery are in ``wakeful.eventing``.
"""

from wakeful.eventbus.bus import (
    BusError,
    BusUnavailableError,
    ConsumerConfig,
    ConsumerInfo,
    EventBus,
    Message,
    NoConsumerError,
    NoStreamError,
    Retention,
    Start,
    StartAt,
    Storage,
    StreamConfig,
    StreamFullError,
    StreamInfo,
    Subscription,
)

__all__ = [
    "BusError",
    "BusUnavailableError",
    "ConsumerConfig",
    "ConsumerInfo",
    "EventBus",
    "Message",
    "NoConsumerError",
    "NoStreamError",
    "Retention",
    "Start",
    "StartAt",
    "Storage",
    "StreamConfig",
    "StreamFullError",
    "StreamInfo",
    "Subscription",
]
