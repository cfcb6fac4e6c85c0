"""What is wrong with a KafkaSource."""

from __future__ import annotations

import re

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under,
    under_index,
)
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck.delivery_validation import validate_delivery
from wakeful.apis.duck.features import load_features
from wakeful.apis.duck.source_validation import validate_source
from wakeful.apis.sources.kafka_types import (
    INITIAL_OFFSETS,
    KEY_TYPE_LABEL,
    KEY_TYPES,
    ORDERINGS,
    KafkaNet,
    KafkaSource,
    KafkaSourceSpec,
    SecretValue,
)

_SERVER = re.compile(r"[^\s:]+(:[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def validate_kafka_source(
    source: KafkaSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; the group never changes."""
    if context.subresource == "status":
        return []
    features, spec = load_features(context.config), source.spec
    errors = under("spec", _validate_spec(spec))
    errors += under("spec", validate_source(spec, features))
    errors += under("spec.delivery", validate_delivery(spec.delivery, features))
    errors += validate_key_type(source.metadata)
    if isinstance(old, KafkaSource) and spec.consumer_group != old.spec.consumer_group:
        details = f"-: {old.spec.consumer_group}\n+: {spec.consumer_group}"
        message = "Immutable fields changed (-old +new)"
        errors.append(FieldError(message, ("spec.consumerGroup",), details))
    return errors


def validate_key_type(metadata: ObjectMeta) -> FieldErrors:
    """Faults of the label that says how keys are read."""
    key_type = metadata.labels.get(KEY_TYPE_LABEL)
    if key_type is None or key_type in KEY_TYPES:
        return []
    return [invalid_value(key_type, f"metadata.labels.[{KEY_TYPE_LABEL}]")]


def _validate_spec(spec: KafkaSourceSpec) -> FieldErrors:
    errors = validate_servers(spec.bootstrap_servers)
    errors += validate_topics(spec.topics)
    if not spec.consumer_group:
        errors.append(missing_field("consumerGroup"))
    if spec.initial_offset not in INITIAL_OFFSETS:
        errors.append(invalid_value(spec.initial_offset, "initialOffset"))
    if spec.ordering not in ORDERINGS:
        errors.append(invalid_value(spec.ordering, "ordering"))
    if spec.consumers is not None and spec.consumers < 0:
        errors.append(invalid_value(spec.consumers, "consumers"))
    return errors + under("net", validate_net(spec.net))


def validate_servers(servers: list[str]) -> FieldErrors:
    """Faults of ``bootstrapServers``."""
    if not servers:
        return [missing_field("bootstrapServers")]
    return [
        invalid_value(server, f"bootstrapServers[{i}]", "expected host:port")
        for i, server in enumerate(servers)
        if not _SERVER.fullmatch(server)
    ]


def validate_topics(topics: list[str]) -> FieldErrors:
    """Faults of ``topics``, by Kafka's own rule for names."""
    if not topics:
        return [missing_field("topics")]
    errors: FieldErrors = []
    for i, topic in enumerate(topics):
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            errors += under_index("topics", i, [invalid_value(topic, "")])
    return errors


def validate_net(net: KafkaNet) -> FieldErrors:
    """Faults of references to secrets: each names a secret and a key."""
    errors: FieldErrors = []
    if net.sasl.enable:
        for name in ("user", "password"):
            if getattr(net.sasl, name).secret_key_ref is None:
                errors.append(missing_field(f"sasl.{name}.secretKeyRef"))
    if net.tls.enable and (net.tls.cert.secret_key_ref is None) != (
        net.tls.key.secret_key_ref is None
    ):
        missing = "key" if net.tls.key.secret_key_ref is None else "cert"
        errors.append(missing_field(f"tls.{missing}.secretKeyRef"))
    for part in ("sasl", "tls"):
        settings = getattr(net, part)
        for name, field in type(settings).model_fields.items():
            value = getattr(settings, name)
            if isinstance(value, SecretValue) and value.secret_key_ref is not None:
                for wanted in ("name", "key"):
                    if not getattr(value.secret_key_ref, wanted):
                        path = f"{part}.{field.alias}.secretKeyRef.{wanted}"
                        errors.append(missing_field(path))
    return errors
