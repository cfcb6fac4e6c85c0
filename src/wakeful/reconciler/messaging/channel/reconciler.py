"""Make the channel behind a Channel, and show its status."""

from __future__ import annotations

from wakeful.apimachinery.errors import APIStatusError, TerminalError
from wakeful.apis.duck import Addressable, KReference
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.messaging import Channel, ChannelObject, ChannelTemplateSpec
from wakeful.reconciler.eventing import UnresolvedError
from wakeful.reconciler.messaging.channelobjects import ChannelObjects

_FAILED = "ChannelFailure"


class ChannelReconciler:
    """One backing channel for each Channel."""

    def __init__(self, channels: ChannelObjects) -> None:
        self._channels = channels

    async def reconcile_kind(self, channel: Channel) -> None:
        """Make it, copy its status."""
        mark_policies_not_enforced(channel.status)
        backing = await self._ensure(channel)
        status, template = channel.status, channel.spec.channel_template
        assert template is not None
        status.channel = KReference(
            api_version=template.api_version,
            kind=template.kind,
            name=channel.metadata.name,
            namespace=channel.metadata.namespace,
        )
        status.propagate_channel(backing.status)
        _mark_dead_letter_sink(channel, backing)

    async def _ensure(self, channel: Channel) -> ChannelObject:
        template = channel.spec.channel_template or ChannelTemplateSpec()
        try:
            want = self._channels.make(
                template, channel, channel.metadata.name, delivery=channel.spec.delivery
            )
            return await self._channels.ensure(want, channel)
        except UnresolvedError as err:
            channel.status.mark_backing_channel_failed(_FAILED, str(err))
            raise TerminalError(str(err)) from err
        except APIStatusError as err:
            channel.status.mark_backing_channel_failed(_FAILED, err.message)
            raise


def _mark_dead_letter_sink(channel: Channel, backing: ChannelObject) -> None:
    status, delivery = channel.status, channel.spec.delivery
    if delivery is None or delivery.dead_letter_sink is None:
        status.mark_dead_letter_sink_not_configured()
    elif backing.status.dead_letter_sink_uri:
        found = backing.status
        status.mark_dead_letter_sink_resolved(
            Addressable(
                url=found.dead_letter_sink_uri,
                ca_certs=found.dead_letter_sink_ca_certs,
                audience=found.dead_letter_sink_audience,
            )
        )
    else:
        reason = f"Backing Channel {backing.key.name} didn't set status.deadLetterSinkURI"
        status.mark_dead_letter_sink_failed(reason, "")
