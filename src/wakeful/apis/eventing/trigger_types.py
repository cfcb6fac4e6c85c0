"""Trigger: which of a Broker's events somebody wants."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, NamespacedName
from wakeful.apis.duck import DeliverySpec, Destination, KReference
from wakeful.apis.eventing import register
from wakeful.apis.eventing.trigger_lifecycle import TriggerStatus


class TriggerFilter(APIModel):
    """Attributes with the values they must have; an empty value is any that is not empty."""

    attributes: dict[str, str] = Field(default_factory=dict)


class SubscriptionsAPIFilter(APIModel):
    """One filter in one of the dialects; nested filters have the same members again."""

    exact: dict[str, str] = Field(default_factory=dict)
    prefix: dict[str, str] = Field(default_factory=dict)
    suffix: dict[str, str] = Field(default_factory=dict)
    all: list[dict[str, Any]] = Field(default_factory=list)
    any: list[dict[str, Any]] = Field(default_factory=list)
    not_: dict[str, Any] | None = Field(default=None, alias="not")
    cesql: str = ""


class TriggerSpec(APIModel):
    """Whose events, which of them, and who gets them."""

    broker: str = ""
    broker_ref: KReference | None = None
    """Instead of ``broker``; may lead to another namespace when that is allowed."""
    filter: TriggerFilter | None = None
    filters: list[SubscriptionsAPIFilter] = Field(default_factory=list)
    """All must pass; when there are any, ``filter`` does not count."""
    subscriber: Destination = Field(default_factory=Destination)
    delivery: DeliverySpec | None = None
    """Instead of the Broker's, as a whole."""


class Trigger(KResource[TriggerSpec, TriggerStatus]):
    """Passes a Broker's events to one subscriber."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1", "Trigger")

    spec: TriggerSpec = Field(default_factory=TriggerSpec)
    status: TriggerStatus = Field(default_factory=TriggerStatus)

    @property
    def broker_key(self) -> NamespacedName:
        """The Broker it reads from."""
        ref = self.spec.broker_ref
        if ref is not None:
            return ref.key_in(self.metadata.namespace)
        return NamespacedName(self.metadata.namespace, self.spec.broker)
