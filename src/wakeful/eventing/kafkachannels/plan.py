"""What has to be known of a KafkaChannel to carry its events. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apimachinery.conditions import TRUE
from wakeful.apis.duck import DeliverySpec, SubscriberSpec
from wakeful.apis.messaging import KafkaChannel
from wakeful.apis.messaging.kafkachannel_types import (
    AUTH_SECRET,
    BOOTSTRAP_SERVERS,
    TOPIC,
    TOPIC_READY,
)
from wakeful.eventing.delivery import RetryPolicy
from wakeful.eventing.plan.patience import retry_policy

LONGEST_ATTEMPT_SECONDS = 600.0
"""Of an attempt without a time limit of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL, and whom to trust there."""

    url: str
    ca_certs: str = ""


@dataclass(frozen=True, slots=True)
class SubscriberPlan:
    """Who gets the channel's events as which group, and what becomes of the answers."""

    uid: str
    generation: int
    group: str
    subscriber: Place | None
    reply: Place | None
    dead_letter: Place | None
    patience: RetryPolicy
    structured: bool = False


@dataclass(frozen=True, slots=True)
class KafkaChannelPlan:
    """Which topic, where, and for whom."""

    namespace: str
    name: str
    servers: tuple[str, ...]
    secret: str
    topic: str
    subscribers: tuple[SubscriberPlan, ...]


def plan_kafka_channel(channel: KafkaChannel) -> KafkaChannelPlan | None:
    """What a channel asks for; None while there is no topic, or nobody to read it."""
    ready = channel.status.condition(TOPIC_READY)
    told = channel.status.annotations
    if ready is None or ready.status != TRUE or not channel.spec.subscribers:
        return None
    meta = channel.metadata
    return KafkaChannelPlan(
        namespace=meta.namespace,
        name=meta.name,
        servers=servers_of(told.get(BOOTSTRAP_SERVERS, "")),
        secret=told.get(AUTH_SECRET, ""),
        topic=told.get(TOPIC, ""),
        subscribers=tuple(_subscriber(channel, found) for found in channel.spec.subscribers),
    )


def servers_of(text: str) -> tuple[str, ...]:
    """``a:9092, b:9092`` in parts."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _subscriber(channel: KafkaChannel, spec: SubscriberSpec) -> SubscriberPlan:
    meta, delivery = channel.metadata, spec.delivery or channel.spec.delivery
    sink = spec.delivery.dead_letter_sink if spec.delivery is not None else None
    dead_letter = None
    if sink is not None and sink.uri:
        dead_letter = Place(sink.uri, sink.ca_certs)
    elif channel.status.dead_letter_sink_uri:
        status = channel.status
        dead_letter = Place(status.dead_letter_sink_uri, status.dead_letter_sink_ca_certs)
    return SubscriberPlan(
        uid=spec.uid,
        generation=spec.generation or 0,
        group=f"kafka.{meta.namespace}.{meta.name}.{spec.uid}",
        subscriber=_place(spec.subscriber_uri, spec.subscriber_ca_certs),
        reply=_place(spec.reply_uri, spec.reply_ca_certs),
        dead_letter=dead_letter,
        patience=retry_policy(
            delivery or DeliverySpec(), longest_attempt_seconds=LONGEST_ATTEMPT_SECONDS
        ),
        structured=delivery is not None and delivery.format == "json",
    )


def _place(url: str, ca_certs: str) -> Place | None:
    return Place(url, ca_certs) if url else None
