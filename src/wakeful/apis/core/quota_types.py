"""LimitRange and ResourceQuota: bounds of a namespace; limit ranges are stored, not enforced."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apis.core.scalars import ResourceList


class LimitRangeItem(APIModel):
    """Bounds and defaults for one type of thing."""

    type: str = ""
    max: ResourceList = Field(default_factory=dict)
    min: ResourceList = Field(default_factory=dict)
    default: ResourceList = Field(default_factory=dict)
    default_request: ResourceList = Field(default_factory=dict)
    max_limit_request_ratio: ResourceList = Field(default_factory=dict)


class LimitRangeSpec(APIModel):
    """Every bound."""

    limits: list[LimitRangeItem] = Field(default_factory=list)


class LimitRange(Object):
    """Bounds for what one pod or container may ask for."""

    gvk: ClassVar = GroupVersionKind("", "v1", "LimitRange")

    spec: LimitRangeSpec = Field(default_factory=LimitRangeSpec)


class ResourceQuotaSpec(APIModel):
    """Bounds for a whole namespace."""

    hard: ResourceList = Field(default_factory=dict)
    scopes: list[str] = Field(default_factory=list)
    scope_selector: dict[str, Any] | None = None


class ResourceQuotaStatus(APIModel):
    """Bounds and use."""

    hard: ResourceList = Field(default_factory=dict)
    used: ResourceList = Field(default_factory=dict)


class ResourceQuota(KResource[ResourceQuotaSpec, ResourceQuotaStatus]):
    """Bounds for what a namespace may use."""

    gvk: ClassVar = GroupVersionKind("", "v1", "ResourceQuota")

    spec: ResourceQuotaSpec = Field(default_factory=ResourceQuotaSpec)
    status: ResourceQuotaStatus = Field(default_factory=ResourceQuotaStatus)
