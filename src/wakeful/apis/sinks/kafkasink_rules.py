"""Defaults and faults of KafkaSinks."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.sinks.kafkasink_types import BINARY, STRUCTURED, KafkaSink, KafkaSinkSpec
from wakeful.apis.sources.kafka_validation import validate_servers, validate_topics


def set_kafkasink_defaults(new: KafkaSink, old: Object | None, context: AdmissionContext) -> None:
    """Binary mode."""
    new.spec.content_mode = new.spec.content_mode or BINARY


def validate_kafkasink(
    new: KafkaSink, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; the topic is fixed."""
    if context.subresource == "status":
        return []
    errors = under("spec", _validate_spec(new.spec))
    if isinstance(old, KafkaSink):
        errors += [
            FieldError("Immutable field updated", (f"spec.{name}",))
            for name, before, after in (
                ("topic", old.spec.topic, new.spec.topic),
                ("numPartitions", old.spec.num_partitions, new.spec.num_partitions),
                ("replicationFactor", old.spec.replication_factor, new.spec.replication_factor),
            )
            if before != after
        ]
    return errors


def _validate_spec(spec: KafkaSinkSpec) -> FieldErrors:
    errors = validate_servers(spec.bootstrap_servers)
    if not spec.topic:
        errors.append(missing_field("topic"))
    elif validate_topics([spec.topic]):
        errors.append(invalid_value(spec.topic, "topic"))
    for name, count in (
        ("numPartitions", spec.num_partitions),
        ("replicationFactor", spec.replication_factor),
    ):
        if count is not None and count <= 0:
            errors.append(invalid_value(count, name))
    if (spec.num_partitions is None) != (spec.replication_factor is None):
        missing = "numPartitions" if spec.num_partitions is None else "replicationFactor"
        errors.append(missing_field(missing))
    if spec.content_mode not in (BINARY, STRUCTURED):
        errors.append(invalid_value(spec.content_mode, "contentMode"))
    if spec.auth is not None and not spec.secret_name:
        errors.append(missing_field("auth.secret.ref.name"))
    return errors
