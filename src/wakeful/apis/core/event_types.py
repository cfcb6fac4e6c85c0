"""Event: something happened to an object."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, MicroTime, Object, Time
from wakeful.apis.core.reference_types import ObjectReference

NORMAL, WARNING = "Normal", "Warning"


class EventSource(APIModel):
    """Who saw it."""

    component: str = ""
    host: str = ""


class EventSeries(APIModel):
    """How often it was seen."""

    count: int = 0
    last_observed_time: MicroTime | None = None


class Event(Object):
    """Something happened to an object; kept for an hour."""

    gvk: ClassVar = GroupVersionKind("", "v1", "Event")

    involved_object: ObjectReference = Field(default_factory=ObjectReference)
    reason: str = ""
    message: str = ""
    source: EventSource = Field(default_factory=EventSource)
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    count: int = 0
    type: str = ""
    event_time: MicroTime | None = None
    series: EventSeries | None = None
    action: str = ""
    related: ObjectReference | None = None
    reporting_component: str = ""
    reporting_instance: str = ""
