"""EventPolicy: who may send events where. Known, so that tools find it; not enforced yet."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.eventing import register


class EventPolicySpec(APIModel):
    """Whose events pass to whom."""

    from_: list[dict[str, Any]] = Field(default_factory=list, alias="from")
    to: list[dict[str, Any]] = Field(default_factory=list)
    filters: list[dict[str, Any]] = Field(default_factory=list)


class EventPolicyStatus(ConditionedStatus):
    """The subjects that the policy names."""

    from_: list[str] = Field(default_factory=list, alias="from")


class EventPolicy(KResource[EventPolicySpec, EventPolicyStatus]):
    """Who may send."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1alpha1", "EventPolicy")

    spec: EventPolicySpec = Field(default_factory=EventPolicySpec)
    status: EventPolicyStatus = Field(default_factory=EventPolicyStatus)
