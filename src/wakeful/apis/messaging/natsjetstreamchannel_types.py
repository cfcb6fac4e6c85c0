"""NatsJetStreamChannel: events stay on disk until every subscriber has had them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apis.duck import ChannelableSpec
from wakeful.apis.messaging import register
from wakeful.apis.messaging.physicalchannel_lifecycle import NatsJetStreamChannelStatus

RETENTIONS = ("Limits", "Interest", "Work")
DISCARDS = ("Old", "New")
STORAGES = ("File", "Memory")
DELIVER_POLICIES = ("All", "Last", "New", "ByStartSequence", "ByStartTime")
REPLAY_POLICIES = ("Instant", "Original")
CONSUMER_TYPES = ("Push", "Pull")


class StreamPlacement(APIModel):
    """Which servers of a cluster may keep the stream."""

    cluster: str = ""
    tags: list[str] = Field(default_factory=list)


class StreamSource(APIModel):
    """Another stream to copy from."""

    name: str = ""
    opt_start_seq: int | None = None
    opt_start_time: Time | None = None
    filter_subject: str = ""


class StreamConfig(APIModel):
    """How the stream keeps events; durations are Go's, sizes bytes, 0 and unset are no limit."""

    additional_subjects: list[str] = Field(default_factory=list)
    retention: str = ""
    max_consumers: int | None = None
    max_msgs: int | None = None
    max_bytes: int | None = None
    discard: str = ""
    max_age: str = ""
    max_msg_size: int | None = None
    storage: str = ""
    replicas: int | None = None
    no_ack: bool | None = None
    duplicate_window: str = ""
    placement: StreamPlacement | None = None
    mirror: StreamSource | None = None
    sources: list[StreamSource] = Field(default_factory=list)


class Stream(APIModel):
    """The stream behind the channel."""

    override_name: str = ""
    config: StreamConfig | None = None


class ConsumerConfigTemplate(APIModel):
    """How each subscriber reads the stream."""

    deliver_policy: str = ""
    opt_start_seq: int | None = None
    opt_start_time: Time | None = None
    ack_wait: str = ""
    max_deliver: int | None = None
    filter_subject: str = ""
    replay_policy: str = ""
    rate_limit_bps: int | None = Field(default=None, alias="rateLimitBPS")
    sample_frequency: str = ""
    max_ack_pending: int | None = None
    consumer_type: str = ""
    fetch_max_wait: str = ""
    fetch_batch_size: int | None = None


class NatsJetStreamChannelSpec(ChannelableSpec):
    """Subscribers, delivery, and the stream."""

    stream: Stream = Field(default_factory=Stream)
    consumer_config_template: ConsumerConfigTemplate | None = None
    deployment_spec_template: dict[str, Any] | None = None
    """Kept, without effect: no pods of their own carry a channel's events here."""


class NatsJetStreamChannel(KResource[NatsJetStreamChannelSpec, NatsJetStreamChannelStatus]):
    """A channel on disk."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1alpha1", "NatsJetStreamChannel")

    spec: NatsJetStreamChannelSpec = Field(default_factory=NatsJetStreamChannelSpec)
    status: NatsJetStreamChannelStatus = Field(default_factory=NatsJetStreamChannelStatus)
