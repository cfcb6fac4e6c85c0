"""MnsOssSource and AliTablestoreSource: kinds of 2019 that read Alibaba Cloud's services.

Their adapters were never published, or speak protocols that no kept library does. The objects are
stored, and their conditions say so.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.fields import FieldErrors, missing_field, under
from wakeful.apimachinery.meta import GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import SINK_PROVIDED, KReference
from wakeful.apis.sources import register
from wakeful.apis.sources.githubsource_types import SecretValueFromSource
from wakeful.apis.sources.legacy_sink import (
    LegacyDestination,
    LegacySourceSpec,
    validate_legacy_sink,
)
from wakeful.apis.sources.source_lifecycle import DEPLOYED, AdapterSourceStatus


class UnservedSourceStatus(AdapterSourceStatus):
    """A status that says that nobody reads the service."""

    condition_set: ClassVar = ConditionSet.living(SINK_PROVIDED, DEPLOYED)

    def mark_no_adapter(self, service: str) -> None:
        """There is no adapter for the cloud's service."""
        message = f"There is no adapter for {service}; send its events to the sink by other means."
        self.manager.mark_false(DEPLOYED, "NoAdapter", message)


class MnsOssSink(LegacyDestination):
    """A sink; the topic stands here where the guide's listing has it."""

    topic: str = ""


class MnsOssSourceSpec(LegacySourceSpec):
    """Which topic of the message service."""

    sink: MnsOssSink | None = None
    access_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)
    topic: str = ""


class MnsOssSource(KResource[MnsOssSourceSpec, UnservedSourceStatus]):
    """Notifications of object storage, by way of the message service."""

    gvk: ClassVar = GroupVersionKind(register.LEGACY_GROUP, register.LEGACY_VERSION, "MnsOssSource")
    service: ClassVar = "Alibaba Cloud MNS"

    spec: MnsOssSourceSpec = Field(default_factory=MnsOssSourceSpec)
    status: UnservedSourceStatus = Field(default_factory=UnservedSourceStatus)


class AliTablestoreSourceSpec(LegacySourceSpec):
    """Which table."""

    access_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)
    table_name: str = ""
    instance: str = ""
    transformer: KReference | None = None


class AliTablestoreSource(KResource[AliTablestoreSourceSpec, UnservedSourceStatus]):
    """Rows of a table."""

    gvk: ClassVar = GroupVersionKind(
        register.LEGACY_GROUP, register.LEGACY_VERSION, "AliTablestoreSource"
    )
    service: ClassVar = "Alibaba Cloud Tablestore"

    spec: AliTablestoreSourceSpec = Field(default_factory=AliTablestoreSourceSpec)
    status: UnservedSourceStatus = Field(default_factory=UnservedSourceStatus)


def validate_mnsosssource(
    new: MnsOssSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    topic = new.spec.topic or (new.spec.sink.topic if new.spec.sink is not None else "")
    errors = [] if topic else [missing_field("topic")]
    return under("spec", errors + validate_legacy_sink(new.spec.sink))


def validate_alitablestoresource(
    new: AliTablestoreSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    given = {"tableName": new.spec.table_name, "instance": new.spec.instance}
    errors = [missing_field(name) for name, value in given.items() if not value]
    return under("spec", errors + validate_legacy_sink(new.spec.sink))
