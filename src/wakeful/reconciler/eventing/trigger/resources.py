"""The Subscription of a Trigger. Pure."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.duck import Destination, KReference
from wakeful.apis.eventing import Broker, Trigger, register
from wakeful.apis.messaging import Subscription, SubscriptionSpec
from wakeful.apis.serving.register import LOCAL_DOMAIN

FILTER_HOST = f"broker-filter.{register.SYSTEM_NAMESPACE}.{LOCAL_DOMAIN}"
TRIGGER_LABEL = f"{register.GROUP}/trigger"


def filter_uri(trigger: Trigger) -> str:
    """Where the channel sends a Trigger's events to have them filtered.

    The event process knows the address as its own and filters without another hop.
    """
    meta = trigger.metadata
    return f"http://{FILTER_HOST}/triggers/{meta.namespace}/{meta.name}/{meta.uid}"


def subscription_name(trigger: Trigger) -> str:
    """Upstream's name: Broker, Trigger and the Trigger's uid."""
    meta = trigger.metadata
    return child_name(f"{trigger.broker_key.name}-{meta.name}-", meta.uid)


def make_subscription(trigger: Trigger, broker: Broker, channel: KReference) -> Subscription:
    """From the Broker's channel to the filter; answers go back to the Broker."""
    meta, source = trigger.metadata, broker.metadata
    is_foreign = source.namespace != meta.namespace
    delivery = trigger.spec.delivery or broker.spec.delivery
    return Subscription(
        metadata=ObjectMeta(
            name=subscription_name(trigger),
            namespace=meta.namespace,
            labels={register.BROKER_LABEL: source.name, TRIGGER_LABEL: meta.name},
            owner_references=[owner_reference(trigger)],
        ),
        spec=SubscriptionSpec(
            channel=channel.model_copy(
                update={"namespace": source.namespace if is_foreign else ""}
            ),
            subscriber=Destination(uri=filter_uri(trigger)),
            reply=Destination(
                ref=KReference(
                    api_version=Broker.gvk.api_version,
                    kind=Broker.gvk.kind,
                    name=source.name,
                    namespace=source.namespace,
                )
            ),
            delivery=delivery.deep_copy() if delivery is not None else None,
        ),
    )
