"""KafkaSource: the records of topics as events."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.container_types import SecretKeySelector
from wakeful.apis.duck import DeliverySpec, SourceSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.kafka_lifecycle import KafkaSourceStatus

EARLIEST, LATEST = "earliest", "latest"
INITIAL_OFFSETS = (EARLIEST, LATEST)
ORDERED, UNORDERED = "ordered", "unordered"
ORDERINGS = (ORDERED, UNORDERED)
KEY_TYPE_LABEL = "kafkasources.sources.knative.dev/key-type"
KEY_TYPES = ("string", "int", "float", "byte-array")


class SecretValue(APIModel):
    """A value that lies in a secret."""

    secret_key_ref: SecretKeySelector | None = None


class KafkaSASL(APIModel):
    """A user and a password; used when ``enable`` says so."""

    enable: bool | None = None
    user: SecretValue = Field(default_factory=SecretValue)
    password: SecretValue = Field(default_factory=SecretValue)
    type: SecretValue = Field(default_factory=SecretValue)
    """The mechanism; PLAIN when nothing is referred to."""
    token_provider: SecretValue = Field(default_factory=SecretValue)
    role_arn: SecretValue = Field(default_factory=SecretValue, alias="roleARN")


class KafkaTLS(APIModel):
    """Encryption; used when ``enable`` says so."""

    enable: bool | None = None
    cert: SecretValue = Field(default_factory=SecretValue)
    key: SecretValue = Field(default_factory=SecretValue)
    ca_cert: SecretValue = Field(default_factory=SecretValue)


class KafkaNet(APIModel):
    """How to prove who we are, and to be sure who they are."""

    sasl: KafkaSASL = Field(default_factory=KafkaSASL)
    tls: KafkaTLS = Field(default_factory=KafkaTLS)


class KafkaSourceSpec(SourceSpec):
    """Which topics of which cluster go where."""

    bootstrap_servers: list[str] = Field(default_factory=list)
    topics: list[str] = Field(default_factory=list)
    consumer_group: str = ""
    consumers: int | None = None
    """Members of the group; partitions are shared out among them."""
    initial_offset: str = ""
    ordering: str = ""
    """``ordered``: the next record of a partition waits until the one before is dealt with."""
    delivery: DeliverySpec | None = None
    net: KafkaNet = Field(default_factory=KafkaNet)
    service_account_name: str = ""


class KafkaSource(KResource[KafkaSourceSpec, KafkaSourceStatus]):
    """Sends every record of some topics to a sink."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "KafkaSource")

    spec: KafkaSourceSpec = Field(default_factory=KafkaSourceSpec)
    status: KafkaSourceStatus = Field(default_factory=KafkaSourceStatus)

    @property
    def wanted(self) -> KafkaSourceSpec:
        """The spec in today's shape."""
        return self.spec
