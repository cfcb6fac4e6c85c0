"""InMemoryChannel: events are gone when the event server is restarted."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import GroupVersionKind, KResource
from wakeful.apis.duck import ChannelableSpec
from wakeful.apis.messaging import register
from wakeful.apis.messaging.physicalchannel_lifecycle import InMemoryChannelStatus


class InMemoryChannelSpec(ChannelableSpec):
    """Subscribers and delivery; nothing else can be chosen."""


class InMemoryChannel(KResource[InMemoryChannelSpec, InMemoryChannelStatus]):
    """A channel in memory."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "InMemoryChannel")

    spec: InMemoryChannelSpec = Field(default_factory=InMemoryChannelSpec)
    status: InMemoryChannelStatus = Field(default_factory=InMemoryChannelStatus)
