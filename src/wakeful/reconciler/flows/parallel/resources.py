"""The Subscriptions of a Parallel. Pure."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apis.duck import Destination, KReference
from wakeful.apis.flows import Parallel
from wakeful.apis.messaging import ChannelTemplateSpec, Subscription, SubscriptionSpec


def ingress_channel_name(parallel: str) -> str:
    """Name of the channel in front of all branches."""
    return f"{parallel}-kn-parallel"


def branch_channel_name(parallel: str, branch: int) -> str:
    """Name of a branch's channel; the Subscription behind it has the same."""
    return f"{parallel}-kn-parallel-{branch}"


def filter_subscription_name(parallel: str, branch: int) -> str:
    """Name of the Subscription that leads into a branch."""
    return f"{parallel}-kn-parallel-filter-{branch}"


def make_filter_subscription(
    parallel: Parallel, branch: int, template: ChannelTemplateSpec
) -> Subscription:
    """From the front channel through the filter into the branch; without a filter, directly."""
    meta, wanted = parallel.metadata, parallel.spec.branches[branch]
    into = Destination(
        ref=_reference(template, branch_channel_name(meta.name, branch), meta.namespace)
    )
    subscriber, reply = (into, None) if wanted.filter is None else (wanted.filter, into)
    return _make(
        parallel,
        filter_subscription_name(meta.name, branch),
        SubscriptionSpec(
            channel=_reference(template, ingress_channel_name(meta.name)),
            subscriber=subscriber.deep_copy(),
            reply=reply,
        ),
    )


def make_branch_subscription(
    parallel: Parallel, branch: int, template: ChannelTemplateSpec
) -> Subscription:
    """From the branch's channel to its subscriber; answers go to its reply, or the Parallel's."""
    wanted, name = parallel.spec.branches[branch], parallel.metadata.name
    reply = wanted.reply or parallel.spec.reply
    return _make(
        parallel,
        branch_channel_name(name, branch),
        SubscriptionSpec(
            channel=_reference(template, branch_channel_name(name, branch)),
            subscriber=wanted.subscriber.deep_copy(),
            reply=reply.deep_copy() if reply is not None else None,
            delivery=wanted.delivery.deep_copy() if wanted.delivery is not None else None,
        ),
    )


def _reference(template: ChannelTemplateSpec, name: str, namespace: str = "") -> KReference:
    return KReference(
        api_version=template.api_version, kind=template.kind, name=name, namespace=namespace
    )


def _make(parallel: Parallel, name: str, spec: SubscriptionSpec) -> Subscription:
    return Subscription(
        metadata=ObjectMeta(
            name=name,
            namespace=parallel.metadata.namespace,
            owner_references=[owner_reference(parallel)],
        ),
        spec=spec,
    )
