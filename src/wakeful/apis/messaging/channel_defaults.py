"""Defaults of all kinds of channels."""

from __future__ import annotations

from typing import Protocol

from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import ChannelableSpec, set_delivery_defaults
from wakeful.apis.messaging import register
from wakeful.apis.messaging.channel_types import Channel
from wakeful.apis.messaging.config import load_channel_defaults


class _Channelable(Protocol):
    metadata: ObjectMeta

    @property
    def spec(self) -> ChannelableSpec: ...


def set_channelable_defaults(
    channel: _Channelable, old: Object | None, context: AdmissionContext
) -> None:
    """Note the version of the subscribers' shape; complete references."""
    del old
    if context.subresource == "status":
        return
    channel.metadata.annotations.setdefault(register.SUBSCRIBABLE, "v1")
    set_delivery_defaults(channel.spec.delivery, channel.metadata.namespace)


def set_channel_defaults(channel: Channel, old: Object | None, context: AdmissionContext) -> None:
    """Choose a kind of channel for a Channel that leaves it open."""
    set_channelable_defaults(channel, old, context)
    if context.subresource == "status" or channel.spec.channel_template is not None:
        return
    if isinstance(old, Channel):
        channel.spec.channel_template = old.spec.channel_template
        return
    defaults = load_channel_defaults(context.config)
    channel.spec.channel_template = defaults.template_for(channel.metadata.namespace)
