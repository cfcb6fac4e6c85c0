"""Defaults and faults of KafkaChannels, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, invalid_value, under
from wakeful.apimachinery.isoduration import parse_iso_duration
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.messaging.channel_defaults import set_channelable_defaults
from wakeful.apis.messaging.channel_validation import immutable, validate_channelable
from wakeful.apis.messaging.kafkachannel_types import KafkaChannel, KafkaChannelSpec

_FIXED = ("numPartitions", "replicationFactor", "retentionDuration")
_WEEK = "PT168H"


def set_kafkachannel_defaults(
    new: KafkaChannel, old: Object | None, context: AdmissionContext
) -> None:
    """One partition, one replica, a week."""
    set_channelable_defaults(new, old, context)
    if context.subresource == "status":
        return
    spec = new.spec
    spec.num_partitions = 1 if spec.num_partitions is None else spec.num_partitions
    spec.replication_factor = 1 if spec.replication_factor is None else spec.replication_factor
    spec.retention_duration = spec.retention_duration or _WEEK


def validate_kafkachannel(
    new: KafkaChannel, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault; the topic stays as it was made."""
    if context.subresource == "status":
        return []
    spec, before = new.spec, old.spec if isinstance(old, KafkaChannel) else None
    errors = validate_channelable(new, before, context)
    errors += under("spec", _validate_topic(spec))
    if before is not None:
        have, want = ({n: s.to_wire().get(n) for n in _FIXED} for s in (before, spec))
        errors += immutable(have, want, "spec")
    return errors


def _validate_topic(spec: KafkaChannelSpec) -> FieldErrors:
    numbers = {"numPartitions": spec.num_partitions, "replicationFactor": spec.replication_factor}
    errors: FieldErrors = [
        invalid_value(number, name)
        for name, number in numbers.items()
        if number is not None and number <= 0
    ]
    try:
        positive = parse_iso_duration(spec.retention_duration).total_seconds() > 0
    except ValueError:
        positive = False
    if not positive:
        errors.append(invalid_value(spec.retention_duration, "retentionDuration"))
    return errors
