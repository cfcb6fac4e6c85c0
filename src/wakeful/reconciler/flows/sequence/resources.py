"""The Subscriptions of a Sequence. Pure."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apis.duck import Destination, KReference
from wakeful.apis.flows import Sequence
from wakeful.apis.messaging import ChannelTemplateSpec, Subscription, SubscriptionSpec


def channel_name(sequence: str, step: int) -> str:
    """Name of the channel before a step; the step's Subscription has the same."""
    return f"{sequence}-kn-sequence-{step}"


def make_subscription(sequence: Sequence, step: int, template: ChannelTemplateSpec) -> Subscription:
    """From the channel before a step to the step, and on to the channel before the next one."""
    meta, spec = sequence.metadata, sequence.spec
    name = channel_name(meta.name, step)
    wanted = spec.steps[step]
    reply = spec.reply
    if step + 1 < len(spec.steps):
        following = channel_name(meta.name, step + 1)
        ref = KReference(
            api_version=template.api_version,
            kind=template.kind,
            name=following,
            namespace=meta.namespace,
        )
        reply = Destination(ref=ref)
    return Subscription(
        metadata=ObjectMeta(
            name=name, namespace=meta.namespace, owner_references=[owner_reference(sequence)]
        ),
        spec=SubscriptionSpec(
            channel=KReference(api_version=template.api_version, kind=template.kind, name=name),
            subscriber=wanted.destination.deep_copy(),
            reply=reply.deep_copy() if reply is not None else None,
            delivery=wanted.delivery.deep_copy() if wanted.delivery is not None else None,
        ),
    )
