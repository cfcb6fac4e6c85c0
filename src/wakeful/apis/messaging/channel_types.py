"""Channel: a channel of whatever kind the administrator thinks best."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import GroupVersionKind, KResource
from wakeful.apis.duck import ChannelableSpec
from wakeful.apis.messaging import register
from wakeful.apis.messaging.channel_lifecycle import ChannelStatus
from wakeful.apis.messaging.channel_template_types import ChannelTemplateSpec


class ChannelSpec(ChannelableSpec):
    """What kind to make; subscribers are the backing channel's, never set here."""

    channel_template: ChannelTemplateSpec | None = None


class Channel(KResource[ChannelSpec, ChannelStatus]):
    """Stands for a channel of the same name."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Channel")

    spec: ChannelSpec = Field(default_factory=ChannelSpec)
    status: ChannelStatus = Field(default_factory=ChannelStatus)
