"""ApiServerSource: changes of the API server's objects as events."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.duck import SINK_PROVIDED, SourceSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.source_lifecycle import (
    DEPLOYED,
    OIDC_IDENTITY_CREATED,
    AdapterSourceStatus,
)

SUFFICIENT_PERMISSIONS = "SufficientPermissions"


class EventMode(StrEnum):
    """What an event carries."""

    REFERENCE = "Reference"
    RESOURCE = "Resource"


class APIVersionKind(APIModel):
    """A kind."""

    api_version: str = ""
    kind: str = ""


class APIVersionKindSelector(APIVersionKind):
    """Objects of a kind, all or those whose labels match."""

    selector: LabelSelector | None = None


class ApiServerSourceSpec(SourceSpec):
    """What to watch, as whom, and what to send."""

    resources: list[APIVersionKindSelector] = Field(default_factory=list)
    owner: APIVersionKind | None = None
    """Only objects whose controller is of this kind."""
    mode: str = ""
    service_account_name: str = ""
    namespace_selector: LabelSelector | None = None
    """None is the source's own namespace; an empty selector is every namespace."""
    filters: list[dict[str, Any]] = Field(default_factory=list)
    """Dialects of CloudEvents' Subscriptions API, as a Trigger has them."""


class ApiServerSourceStatus(AdapterSourceStatus):
    """Where it watches, and how that goes."""

    condition_set: ClassVar = ConditionSet.living(
        SINK_PROVIDED, DEPLOYED, SUFFICIENT_PERMISSIONS, OIDC_IDENTITY_CREATED
    )

    namespaces: list[str] = Field(default_factory=list)

    def mark_sufficient_permissions(self) -> None:
        """The service account may watch all of it."""
        self.manager.mark_true(SUFFICIENT_PERMISSIONS)

    def mark_no_sufficient_permissions(self, message: str) -> None:
        """It may not."""
        self.manager.mark_false(SUFFICIENT_PERMISSIONS, "", message)

    @property
    def may_watch(self) -> bool:
        """Whether the permissions were found to suffice."""
        condition = self.condition(SUFFICIENT_PERMISSIONS)
        return condition is not None and condition.is_true


class ApiServerSource(KResource[ApiServerSourceSpec, ApiServerSourceStatus]):
    """Sends an event for each object that appears, changes or goes."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "ApiServerSource")

    spec: ApiServerSourceSpec = Field(default_factory=ApiServerSourceSpec)
    status: ApiServerSourceStatus = Field(default_factory=ApiServerSourceStatus)

    @property
    def wanted(self) -> ApiServerSourceSpec:
        """The spec in today's shape."""
        return self.spec
