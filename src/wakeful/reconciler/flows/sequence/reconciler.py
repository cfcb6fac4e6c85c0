"""Build a Sequence out of channels and Subscriptions."""

from __future__ import annotations

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.flows import Sequence
from wakeful.apis.flows.flow_lifecycle import CHANNELS_READY, SUBSCRIPTIONS_READY
from wakeful.apis.messaging import ChannelTemplateSpec
from wakeful.reconciler.flows.parts import FlowError, FlowParts
from wakeful.reconciler.flows.sequence.resources import channel_name, make_subscription


class SequenceReconciler:
    """A channel and a Subscription for each step."""

    def __init__(self, parts: FlowParts) -> None:
        self._parts = parts

    async def reconcile_kind(self, sequence: Sequence) -> None:
        """Bring the parts in line, then the status."""
        status, spec, name = sequence.status, sequence.spec, sequence.metadata.name
        mark_policies_not_enforced(status)
        template = spec.channel_template or ChannelTemplateSpec()
        names = [channel_name(name, step) for step in range(len(spec.steps))]
        try:
            channels = await self._parts.ensure_channels(sequence, template, names)
        except (FlowError, APIStatusError) as err:
            status.manager.mark_unknown(CHANNELS_READY, "ChannelsNotReady", str(err))
            raise
        status.propagate_channels(channels)
        wanted = [make_subscription(sequence, step, template) for step in range(len(spec.steps))]
        try:
            subscriptions = await self._parts.ensure_subscriptions(sequence, wanted)
        except (FlowError, APIStatusError) as err:
            status.manager.mark_unknown(SUBSCRIPTIONS_READY, "SubscriptionsNotReady", str(err))
            raise
        status.propagate_subscriptions(subscriptions)
        await self._parts.delete_others(sequence, channels, subscriptions)
