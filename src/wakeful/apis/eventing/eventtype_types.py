"""EventType: an entry of the registry, a kind of event that somebody can have."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import KReference
from wakeful.apis.eventing import register

REFERENCE_EXISTS = "ReferenceExists"
EVENTTYPE_CONDITIONS = ConditionSet.living(REFERENCE_EXISTS)

REQUIRED = ("type", "source", "specversion", "id")
SCHEMA = "schemadata"
"""Attribute under which the schema's URI is kept, as upstream's conversion does."""


class EventAttributeDefinition(APIModel):
    """An attribute of such events; ``value`` may have parts in braces that vary."""

    name: str = ""
    required: bool | None = None
    value: str = ""


class EventTypeSpec(APIModel):
    """What such events look like, and where they are to be had."""

    reference: KReference | None = None
    """Usually a Broker."""
    description: str = ""
    attributes: list[EventAttributeDefinition] = Field(default_factory=list)
    schema_data: str = ""
    """A schema by itself rather than its URI; v1beta1 and v1beta2 have it."""

    def value_of(self, attribute: str) -> str:
        """The value of an attribute; empty when it has none."""
        return next((a.value for a in self.attributes if a.name == attribute), "")


class EventTypeStatus(ConditionedStatus):
    """Whether what is referred to exists."""

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions on this status."""
        return EVENTTYPE_CONDITIONS.manage(self)

    def mark_reference_exists(self) -> None:
        """It is there."""
        self.manager.mark_true(REFERENCE_EXISTS)

    def mark_reference_not_set(self) -> None:
        """Nothing is referred to, which is fine."""
        self.manager.mark_true(REFERENCE_EXISTS, "ReferenceNotSet", "spec.reference is not set")

    def mark_reference_missing(self) -> None:
        """It is not there."""
        self.manager.mark_false(
            REFERENCE_EXISTS,
            "ResourceDoesNotExist",
            "Resource in spec.reference does not exist",
        )

    def mark_reference_unknown(self, reason: str, message: str) -> None:
        """It could not be found out."""
        self.manager.mark_unknown(REFERENCE_EXISTS, reason, message)


class EventType(KResource[EventTypeSpec, EventTypeStatus]):
    """One kind of event."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1beta3", "EventType")

    spec: EventTypeSpec = Field(default_factory=EventTypeSpec)
    status: EventTypeStatus = Field(default_factory=EventTypeStatus)
