"""KafkaSink: an address that writes events into a topic."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import Addressable, AddressStatus, PoliciesStatus
from wakeful.apis.duck.lifecycle import ADDRESSABLE, EVENT_POLICIES_READY

GROUP = "eventing.knative.dev"
KAFKASINK_SERVICE = "kafka-sink-ingress"
"""The Service, in the system namespace, behind which all KafkaSinks are: ``/NAMESPACE/NAME``."""
BINARY, STRUCTURED = "binary", "structured"

CONFIG_PARSED = "ConfigParsed"
TOPIC_READY = "TopicReady"
KAFKASINK_CONDITIONS = ConditionSet.living(
    ADDRESSABLE, CONFIG_PARSED, TOPIC_READY, EVENT_POLICIES_READY
)


class SecretName(APIModel):
    """A Secret of the same namespace."""

    name: str = ""


class SecretReference(APIModel):
    """Where the Secret is."""

    ref: SecretName | None = None


class KafkaSinkAuth(APIModel):
    """How to prove who we are."""

    secret: SecretReference | None = None


class KafkaSinkSpec(APIModel):
    """Which topic of which cluster, and in which form."""

    topic: str = ""
    num_partitions: int | None = None
    """Make the topic, with so many; None leaves making it to others."""
    replication_factor: int | None = None
    bootstrap_servers: list[str] = Field(default_factory=list)
    content_mode: str = ""
    auth: KafkaSinkAuth | None = None

    @property
    def secret_name(self) -> str:
        """The Secret that says how to connect; empty for none."""
        secret = self.auth.secret if self.auth is not None else None
        return secret.ref.name if secret is not None and secret.ref is not None else ""


class KafkaSinkStatus(PoliciesStatus, AddressStatus, ConditionedStatus):
    """Where events are taken, and whether they can be written."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return KAFKASINK_CONDITIONS.manage(self)

    @property
    def may_write(self) -> bool:
        """Whether the topic was found or made."""
        found = self.condition(TOPIC_READY)
        return found is not None and found.is_true

    def set_address(self, url: str) -> None:
        """Say where it is reached."""
        self.address = Addressable(name="http", url=url)
        self.addresses = [self.address]
        self.manager.mark_true(ADDRESSABLE)

    def mark_topic(self, message: str) -> None:
        """The topic is there."""
        self.manager.mark_true(CONFIG_PARSED)
        self.manager.mark_true(TOPIC_READY, message)

    def mark_bad_config(self, message: str) -> None:
        """The Secret cannot be used; so nothing is known about the topic."""
        self.manager.mark_false(CONFIG_PARSED, "AuthSecretUnusable", message)
        self.manager.mark_unknown(TOPIC_READY, "AuthSecretUnusable", message)

    def mark_no_topic(self, reason: str, message: str) -> None:
        """The topic is not there, or the cluster cannot be asked."""
        self.manager.mark_true(CONFIG_PARSED)
        self.manager.mark_false(TOPIC_READY, reason, message)


class KafkaSink(KResource[KafkaSinkSpec, KafkaSinkStatus]):
    """Writes each event that is sent to it into a topic."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1alpha1", "KafkaSink")

    spec: KafkaSinkSpec = Field(default_factory=KafkaSinkSpec)
    status: KafkaSinkStatus = Field(default_factory=KafkaSinkStatus)
