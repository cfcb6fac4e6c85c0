"""PingSource: the same event on a schedule."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import GroupVersionKind, KResource
from wakeful.apis.duck import SourceSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.source_lifecycle import AdapterSourceStatus


class PingSourceSpec(SourceSpec):
    """When, and what."""

    schedule: str = ""
    """Five fields, or six with seconds first, or a descriptor other than ``@every``."""
    timezone: str = ""
    content_type: str = ""
    data: str = ""
    data_base64: str = Field(default="", alias="dataBase64")


class PingSourceStatus(AdapterSourceStatus):
    """How it goes."""


class PingSource(KResource[PingSourceSpec, PingSourceStatus]):
    """Sends its data whenever the schedule says so."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "PingSource")

    spec: PingSourceSpec = Field(default_factory=PingSourceSpec)
    status: PingSourceStatus = Field(default_factory=PingSourceStatus)

    @property
    def event_source(self) -> str:
        """What events name as their source."""
        meta = self.metadata
        return f"/apis/v1/namespaces/{meta.namespace}/pingsources/{meta.name}"
