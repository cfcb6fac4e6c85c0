"""How KafkaSources are served."""

from __future__ import annotations

import json

from wakeful.apimachinery.scheme import AGE, READINESS, Column, Resource, ScalePaths, ServedVersion
from wakeful.apis.sources import register
from wakeful.apis.sources.kafka_defaults import set_kafka_source_defaults
from wakeful.apis.sources.kafka_types import KafkaSource
from wakeful.apis.sources.kafka_validation import validate_kafka_source
from wakeful.apis.sources.legacy_kafkasource import (
    LegacyKafkaSource,
    validate_legacy_kafkasource,
)

KAFKA_TYPE = "dev.knative.kafka.event"

_COLUMNS = (
    Column("Topics", ".spec.topics"),
    Column("BootstrapServers", ".spec.bootstrapServers"),
    *READINESS,
    AGE,
)
_EVENT_TYPES = {
    register.EVENT_TYPES_ANNOTATION: json.dumps(
        [{"type": KAFKA_TYPE, "description": "a record of a topic"}]
    )
}

KAFKA_TODAY = (
    Resource(
        KafkaSource,
        "kafkasources",
        singular="kafkasource",
        categories=register.CATEGORIES,
        has_status=True,
        scale=ScalePaths(".spec.consumers", ".status.consumers", ".status.selector"),
        columns=_COLUMNS,
        served_versions=(ServedVersion("v1beta1"),),
        set_defaults=set_kafka_source_defaults,
        validate=validate_kafka_source,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=_EVENT_TYPES,
    ),
)

KAFKA_OF_2019 = (
    Resource(
        LegacyKafkaSource,
        "kafkasources",
        singular="kafkasource",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=_COLUMNS,
        validate=validate_legacy_kafkasource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=_EVENT_TYPES,
    ),
)
