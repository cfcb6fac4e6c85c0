"""KafkaChannel: events are kept in a topic of the user's Kafka."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionManager, ConditionSet
from wakeful.apimachinery.meta import GroupVersionKind, KResource
from wakeful.apis.duck import Addressable, ChannelableSpec, ChannelableStatus, SubscriberStatus
from wakeful.apis.duck.lifecycle import (
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
    DeadLetterStatus,
)
from wakeful.apis.messaging import register

CONFIGURATION_READY = "ConfigurationReady"
TOPIC_READY = "TopicReady"
CHANNEL_SERVICE_READY = "ChannelServiceReady"
KAFKA_CHANNEL_CONDITIONS = ConditionSet.living(
    CONFIGURATION_READY,
    TOPIC_READY,
    CHANNEL_SERVICE_READY,
    ADDRESSABLE,
    DEAD_LETTER_SINK_RESOLVED,
    EVENT_POLICIES_READY,
)

CONFIG_KAFKA_CHANNEL = "kafka-channel-config"
"""Config map, in the system namespace: where Kafka is."""
BOOTSTRAP_SERVERS = "bootstrap.servers"
"""Its key for the brokers, and the annotation in a channel's status that says which were taken."""
AUTH_SECRET = "auth.secret.ref.name"  # noqa: S105 - the name of a key
"""Its key for a Secret of the system namespace that says how to prove who we are."""
RECEIVER, RECEIVER_PORT = "kafka-channel-receiver", 80
"""The Service, in the system namespace, behind which all KafkaChannels are."""
TOPIC = "topic"
"""Annotation in a channel's status: where its events are."""


class KafkaChannelSpec(ChannelableSpec):
    """Subscribers, delivery, and what the topic is to be like."""

    num_partitions: int | None = None
    """1 unless set."""
    replication_factor: int | None = None
    """1 unless set."""
    retention_duration: str = ""
    """How long events are kept, in ISO 8601; a week unless set."""


class KafkaChannelStatus(ChannelableStatus, DeadLetterStatus):
    """Whether events are taken, and which topic has them."""

    annotations: dict[str, str] = Field(default_factory=dict)
    """``topic`` and ``bootstrap.servers`` once the topic is there."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return KAFKA_CHANNEL_CONDITIONS.manage(self)

    def mark_not_configured(self, reason: str, message: str) -> None:
        """Nobody knows where Kafka is."""
        self.manager.mark_false(CONFIGURATION_READY, reason, message)

    def mark_topic_ready(self, topic: str, servers: str, secret: str) -> None:
        """The topic is there."""
        self.annotations = {TOPIC: topic, BOOTSTRAP_SERVERS: servers}
        if secret:
            self.annotations[AUTH_SECRET] = secret
        self.manager.mark_true(CONFIGURATION_READY)
        self.manager.mark_true(TOPIC_READY)

    def mark_topic_failed(self, message: str) -> None:
        """The topic cannot be made, or nobody can tell."""
        self.manager.mark_true(CONFIGURATION_READY)
        self.manager.mark_false(TOPIC_READY, "TopicCreateFailed", message)

    def set_address(self, address: Addressable) -> None:
        """Say where events are taken."""
        self.address = address
        self.manager.mark_true(CHANNEL_SERVICE_READY)
        self.manager.mark_true(ADDRESSABLE)

    def mark_channel_service_failed(self, message: str) -> None:
        """Somebody else has the host name."""
        self.manager.mark_false(CHANNEL_SERVICE_READY, "ChannelServiceFailed", message)

    def set_subscribers(self, statuses: list[SubscriberStatus]) -> None:
        """Say who is served."""
        self.subscribers = statuses


class KafkaChannel(KResource[KafkaChannelSpec, KafkaChannelStatus]):
    """A channel in Kafka."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1beta1", "KafkaChannel")

    spec: KafkaChannelSpec = Field(default_factory=KafkaChannelSpec)
    status: KafkaChannelStatus = Field(default_factory=KafkaChannelStatus)
