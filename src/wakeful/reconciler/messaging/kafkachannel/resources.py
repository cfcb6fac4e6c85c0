"""What a KafkaChannel stands for: a topic, and a way from its host to the receiver. Pure."""

from __future__ import annotations

from wakeful.apimachinery.isoduration import parse_iso_duration
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.messaging import KafkaChannel, register
from wakeful.apis.messaging.kafkachannel_types import RECEIVER, RECEIVER_PORT
from wakeful.apis.networking import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressVisibility,
)
from wakeful.apis.serving import register as serving
from wakeful.apis.serving.register import LOCAL_DOMAIN
from wakeful.reconciler.messaging.physicalchannel.resources import service_name


def topic_name(channel: KafkaChannel) -> str:
    """As upstream names it, so that a channel finds its events again on another platform."""
    meta = channel.metadata
    return f"knative-messaging-kafka.{meta.namespace}.{meta.name}"


def topic_settings(channel: KafkaChannel) -> dict[str, str]:
    """Kafka's settings of the topic."""
    kept = parse_iso_duration(channel.spec.retention_duration or "PT168H")
    return {"retention.ms": str(int(kept.total_seconds() * 1000))}


def ingress_name(channel: KafkaChannel) -> str:
    """Of the Ingress, which has to be where the receiver's Service is."""
    return f"kafka-channel-{channel.metadata.uid}"


def make_ingress(channel: KafkaChannel, ingress_class: str) -> Ingress:
    """The way from the gateway to the receiver, which tells channels apart by host.

    It lies in another namespace than the channel, so it has to be taken away with it.
    """
    meta = channel.metadata
    host = f"{service_name(meta.name)}.{meta.namespace}.{LOCAL_DOMAIN}"
    split = IngressBackendSplit(
        service_namespace=register.SYSTEM_NAMESPACE,
        service_name=RECEIVER,
        service_port=RECEIVER_PORT,
        percent=100,
    )
    rule = IngressRule(
        hosts=[host.removesuffix(".cluster.local"), host],
        visibility=str(IngressVisibility.CLUSTER_LOCAL),
        http=HTTPIngressRuleValue(paths=[HTTPIngressPath(splits=[split])]),
    )
    return Ingress(
        metadata=ObjectMeta(
            name=ingress_name(channel),
            namespace=register.SYSTEM_NAMESPACE,
            labels={register.ROLE_LABEL: "kafka-channel"},
            annotations={serving.INGRESS_CLASS.name: ingress_class},
        ),
        spec=IngressSpec(rules=[rule]),
    )
