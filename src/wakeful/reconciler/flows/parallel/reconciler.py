"""Build a Parallel out of channels and Subscriptions."""

from __future__ import annotations

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.flows import Parallel
from wakeful.apis.flows.flow_lifecycle import CHANNELS_READY, SUBSCRIPTIONS_READY
from wakeful.apis.messaging import ChannelTemplateSpec
from wakeful.reconciler.flows.parallel.resources import (
    branch_channel_name,
    ingress_channel_name,
    make_branch_subscription,
    make_filter_subscription,
)
from wakeful.reconciler.flows.parts import FlowError, FlowParts


class ParallelReconciler:
    """A channel in front, then a channel and two Subscriptions for each branch."""

    def __init__(self, parts: FlowParts) -> None:
        self._parts = parts

    async def reconcile_kind(self, parallel: Parallel) -> None:
        """Bring the parts in line, then the status."""
        status, name = parallel.status, parallel.metadata.name
        mark_policies_not_enforced(status)
        template = parallel.spec.channel_template or ChannelTemplateSpec()
        branches = range(len(parallel.spec.branches))
        names = [ingress_channel_name(name), *(branch_channel_name(name, b) for b in branches)]
        try:
            channels = await self._parts.ensure_channels(parallel, template, names)
        except (FlowError, APIStatusError) as err:
            status.manager.mark_false(CHANNELS_READY, "ChannelsNotReady", str(err))
            raise
        status.propagate_channels(channels[0], channels[1:])
        filters = [make_filter_subscription(parallel, b, template) for b in branches]
        subscribers = [make_branch_subscription(parallel, b, template) for b in branches]
        try:
            found = await self._parts.ensure_subscriptions(parallel, [*filters, *subscribers])
        except (FlowError, APIStatusError) as err:
            status.manager.mark_false(SUBSCRIPTIONS_READY, "SubscriptionsNotReady", str(err))
            raise
        status.propagate_subscriptions(found[: len(filters)], found[len(filters) :])
        await self._parts.delete_others(parallel, channels, found)
