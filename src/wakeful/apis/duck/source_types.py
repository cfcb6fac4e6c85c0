"""What every source of events has in common."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.duck.addressable_types import Destination

SINK_PROVIDED = "SinkProvided"
"""The condition that says whether the sink could be resolved."""


class CloudEventOverrides(APIModel):
    """Attributes to set on every event before it is sent."""

    extensions: dict[str, str] = Field(default_factory=dict)


class SourceSpec(APIModel):
    """Where a source sends to."""

    sink: Destination = Field(default_factory=Destination)
    ce_overrides: CloudEventOverrides | None = None


class CloudEventAttributes(APIModel):
    """A type and source of events that a source emits."""

    type: str = ""
    source: str = ""


class AuthStatus(APIModel):
    """Who the object acts as when it sends."""

    service_account_name: str = ""
    service_account_names: list[str] = Field(default_factory=list)


class SourceStatus(ConditionedStatus):
    """Whom it sends to, and what."""

    sink_uri: str = ""
    sink_ca_certs: str = Field(default="", alias="sinkCACerts")
    sink_audience: str = ""
    ce_attributes: list[CloudEventAttributes] = Field(default_factory=list)
    auth: AuthStatus | None = None
