"""Defaults of a KafkaSource."""

from __future__ import annotations

from uuid import uuid4

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck.destination_defaults import set_delivery_defaults, set_destination_defaults
from wakeful.apis.sources.kafka_types import LATEST, ORDERED, KafkaSource


def set_kafka_source_defaults(
    source: KafkaSource, old: Object | None, context: AdmissionContext
) -> None:
    """A group of its own, one consumer, in order, from now on."""
    if context.subresource == "status":
        return
    spec, namespace = source.spec, source.metadata.namespace
    set_destination_defaults(spec.sink, namespace)
    set_delivery_defaults(spec.delivery, namespace)
    if not spec.consumer_group:
        kept = old.spec.consumer_group if isinstance(old, KafkaSource) else ""
        spec.consumer_group = kept or f"knative-kafka-source-{uuid4()}"
    if spec.consumers is None:
        spec.consumers = 1
    spec.initial_offset = spec.initial_offset or LATEST
    spec.ordering = spec.ordering or ORDERED
