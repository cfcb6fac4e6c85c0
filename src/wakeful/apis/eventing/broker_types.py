"""Broker: takes events from anybody and passes them to the Triggers that want them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import DeliverySpec, KReference
from wakeful.apis.eventing import register
from wakeful.apis.eventing.broker_lifecycle import BrokerStatus
from wakeful.apis.messaging import ChannelTemplateSpec


class BrokerSpec(APIModel):
    """Where its settings are; how it delivers unless a Trigger says otherwise."""

    config: KReference | None = None
    channel_template_spec: ChannelTemplateSpec | None = None
    """2019's way to choose the channel, kept in every version; instead of ``config``."""
    delivery: DeliverySpec | None = None


class Broker(KResource[BrokerSpec, BrokerStatus]):
    """A named pool of events."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Broker")

    spec: BrokerSpec = Field(default_factory=BrokerSpec)
    status: BrokerStatus = Field(default_factory=BrokerStatus)

    @property
    def broker_class(self) -> str:
        """Who is responsible for it."""
        return self.metadata.annotations.get(register.BROKER_CLASS, "")

    @property
    def is_ready(self) -> bool:
        """Ready, judged on the newest generation."""
        ready = self.status.condition(READY)
        observed = self.status.observed_generation == self.metadata.generation
        return observed and ready is not None and ready.is_true
