"""KafkaSource of 2019's group: lists are text with commas, and nothing can be changed later."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldError, FieldErrors, missing_field, under
from wakeful.apimachinery.meta import GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.sources import register
from wakeful.apis.sources.kafka_lifecycle import KafkaSourceStatus
from wakeful.apis.sources.kafka_types import EARLIEST, ORDERED, KafkaNet, KafkaSourceSpec
from wakeful.apis.sources.kafka_validation import (
    validate_key_type,
    validate_net,
    validate_servers,
    validate_topics,
)
from wakeful.apis.sources.legacy_sink import (
    AdapterResourceSpec,
    LegacySourceSpec,
    validate_legacy_sink,
)


class LegacyKafkaSourceSpec(LegacySourceSpec):
    """Which topics of which cluster go where."""

    bootstrap_servers: str = ""
    topics: str = ""
    consumer_group: str = ""
    net: KafkaNet = Field(default_factory=KafkaNet)
    resources: AdapterResourceSpec | None = None


class LegacyKafkaSource(KResource[LegacyKafkaSourceSpec, KafkaSourceStatus]):
    """Sends every record of some topics to a sink, from the earliest one on."""

    gvk: ClassVar = GroupVersionKind(register.LEGACY_GROUP, register.LEGACY_VERSION, "KafkaSource")

    spec: LegacyKafkaSourceSpec = Field(default_factory=LegacyKafkaSourceSpec)
    status: KafkaSourceStatus = Field(default_factory=KafkaSourceStatus)

    @property
    def wanted(self) -> KafkaSourceSpec:
        """The spec in today's shape."""
        spec, common = self.spec, self.spec.source_spec()
        return KafkaSourceSpec(
            sink=common.sink,
            ce_overrides=common.ce_overrides,
            service_account_name=spec.service_account_name,
            bootstrap_servers=_split(spec.bootstrap_servers),
            topics=_split(spec.topics),
            consumer_group=spec.consumer_group,
            consumers=1,
            initial_offset=EARLIEST,
            ordering=ORDERED,
            net=spec.net,
        )


def validate_legacy_kafkasource(
    new: LegacyKafkaSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    wanted = new.wanted
    errors = validate_servers(wanted.bootstrap_servers) + validate_topics(wanted.topics)
    if not wanted.consumer_group:
        errors.append(missing_field("consumerGroup"))
    errors += under("net", validate_net(wanted.net))
    errors += validate_legacy_sink(new.spec.sink)
    errors = under("spec", errors) + validate_key_type(new.metadata)
    if isinstance(old, LegacyKafkaSource) and old.spec != new.spec:
        errors.append(FieldError("Immutable fields changed (-old +new)", ("spec",)))
    return errors


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
