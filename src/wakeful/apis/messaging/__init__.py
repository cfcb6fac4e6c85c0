"""``messaging.knative.dev``: channels that keep events, Subscriptions that lead out of them.

Models, defaults, validation, conversion and conditions; what keeps the world in line with them is
``wakeful.reconciler.messaging``, and who carries the events is ``wakeful.eventing``.
"""

from wakeful.apis.messaging.channel_lifecycle import CHANNEL_CONDITIONS, ChannelStatus
from wakeful.apis.messaging.channel_object import ChannelObject
from wakeful.apis.messaging.channel_template_types import ChannelTemplateSpec
from wakeful.apis.messaging.channel_types import Channel, ChannelSpec
from wakeful.apis.messaging.inmemorychannel_types import InMemoryChannel, InMemoryChannelSpec
from wakeful.apis.messaging.kafkachannel_types import (
    KAFKA_CHANNEL_CONDITIONS,
    KafkaChannel,
    KafkaChannelSpec,
    KafkaChannelStatus,
)
from wakeful.apis.messaging.natsjetstreamchannel_types import (
    NatsJetStreamChannel,
    NatsJetStreamChannelSpec,
)
from wakeful.apis.messaging.physicalchannel_lifecycle import (
    IN_MEMORY_CHANNEL_CONDITIONS,
    JETSTREAM_CHANNEL_CONDITIONS,
    InMemoryChannelStatus,
    NatsJetStreamChannelStatus,
)
from wakeful.apis.messaging.resources import RESOURCES
from wakeful.apis.messaging.subscription_lifecycle import (
    SUBSCRIPTION_CONDITIONS,
    PhysicalSubscription,
    SubscriptionStatus,
)
from wakeful.apis.messaging.subscription_types import Subscription, SubscriptionSpec

__all__ = [
    "CHANNEL_CONDITIONS",
    "IN_MEMORY_CHANNEL_CONDITIONS",
    "JETSTREAM_CHANNEL_CONDITIONS",
    "KAFKA_CHANNEL_CONDITIONS",
    "RESOURCES",
    "SUBSCRIPTION_CONDITIONS",
    "Channel",
    "ChannelObject",
    "ChannelSpec",
    "ChannelStatus",
    "ChannelTemplateSpec",
    "InMemoryChannel",
    "InMemoryChannelSpec",
    "InMemoryChannelStatus",
    "KafkaChannel",
    "KafkaChannelSpec",
    "KafkaChannelStatus",
    "NatsJetStreamChannel",
    "NatsJetStreamChannelSpec",
    "NatsJetStreamChannelStatus",
    "PhysicalSubscription",
    "Subscription",
    "SubscriptionSpec",
    "SubscriptionStatus",
]
